import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { placeOf } from './project-file.js';

const run = promisify(execFile);

/** The flows break their own types; the message names files and lines. */
class FlowTypesError extends Error {
  override readonly name = 'FlowTypesError';
  constructor(lines: readonly string[]) {
    super(
      `The callback flows have errors of types:\n${lines.join('\n')}\n` +
        'Mend what is named, and start again; docs/flows.md of the package says what a flow is given. With ' +
        'NODE_ENV=production types are not looked at.',
    );
  }
}

/** The project's own compiler, found as Node finds packages; undefined where it has none. */
const findCompiler = (folder: string): string | undefined => {
  for (let at = folder; ; at = path.dirname(at)) {
    const file = path.join(at, 'node_modules', 'typescript', 'bin', 'tsc');
    if (fs.existsSync(file)) return file;
    if (at === path.dirname(at)) return undefined;
  }
};

const hashOf = (folder: string, compiler: string): string => {
  const hash = createHash('sha256').update(compiler);
  const names = (fs.readdirSync(folder, { recursive: true }) as string[]).sort();
  for (const name of names.filter((file) => /\.(m?ts|json)$/.test(file)))
    hash.update(`${name}\0`).update(fs.readFileSync(path.join(folder, name)));
  return hash.digest('hex');
};

/** What the compiler says of the folder's files and settings, as file and line below the project. */
const errorsIn = (output: string, folder: string): string[] =>
  output
    .split('\n')
    .filter((line) => /^(?!\.\.[/\\]).*\berror TS\d+:/.test(line))
    .map((line) => (line.startsWith('error') ? line : `  ${placeOf(path.join(folder, line))}`));

const read = (file: string): string | undefined => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : undefined);

/**
 * Has the project's own TypeScript look at the flows, where it has one and the folder a tsconfig.json. Once: what passed is
 * remembered in `memory`, where its folder is there.
 *
 * @throws FlowTypesError naming files and lines
 */
export const checkFlowTypes = async (folder: string, memory: string): Promise<void> => {
  const compiler = findCompiler(folder);
  if (compiler === undefined || !fs.existsSync(path.join(folder, 'tsconfig.json'))) return;
  const hash = hashOf(folder, compiler);
  if (read(memory) === hash) return;
  const words = [compiler, '--project', folder, '--noEmit', '--pretty', 'false'];
  const output = await run(process.execPath, words, { cwd: folder }).then(
    () => '',
    (error: { stdout?: string }) => error.stdout ?? '',
  );
  const errors = errorsIn(output, folder);
  if (errors.length > 0) throw new FlowTypesError(errors);
  if (fs.existsSync(path.dirname(memory))) fs.writeFileSync(memory, hash);
};
