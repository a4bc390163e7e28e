import { createProgram } from './cli/program.js';
import { ConfigError } from './config.js';
import { wordsOf } from './core/errors.js';
import { misspelt } from './environment/misspelt.js';

try {
  await (await createProgram()).parseAsync();
} catch (error) {
  process.stderr.write(`${wordsOf(error)}\n`);
  // What was set under a wrong name may well be why; a ConfigError has told it already.
  if (!(error instanceof ConfigError)) for (const line of misspelt(process.env)) process.stderr.write(`${line}\n`);
  process.exitCode = 1;
}
