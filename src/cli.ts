import { Command } from 'commander';
import { addActivateCommand } from './cli/activate.js';
import { addDoctorCommand } from './cli/doctor.js';
import { addEffectCommands } from './cli/effects.js';
import { addEncryptionCommand } from './cli/encryption.js';
import { addEventCommands } from './cli/events.js';
import { addFlowCommands } from './cli/flows.js';
import { addMigrateCommand } from './cli/migrate.js';
import { addPlanCommand } from './cli/plan.js';
import { addReconcileCommand } from './cli/reconcile.js';
import { addRoleCommands } from './cli/roles.js';
import { addRunCommands } from './cli/run.js';
import { addSimulateCommands } from './cli/simulate.js';
import { addStripeCommands } from './cli/stripe.js';
import { addTokenCommand } from './cli/token.js';
import { readVersion } from './cli/version.js';
import { ConfigError } from './config.js';
import { wordsOf } from './core/errors.js';
import { misspelt } from './environment/misspelt.js';

/** The commands, one group a file; each has its own --help, and prints data on stdout and errors on stderr. */
const createProgram = (): Command => {
  const program = new Command('tollgate')
    .description('A self-hosted payment backend on Stripe. Without DATABASE_URL, commands work on the embedded run.')
    .version(readVersion(), '-V, --version', 'print the version')
    .showHelpAfterError('Add --help to see how it is used.')
    .showSuggestionAfterError();
  addRunCommands(program);
  addMigrateCommand(program);
  addActivateCommand(program);
  addStripeCommands(program);
  addPlanCommand(program);
  addRoleCommands(program);
  addTokenCommand(program);
  addEventCommands(program);
  addEffectCommands(program);
  addFlowCommands(program);
  addReconcileCommand(program);
  addDoctorCommand(program);
  addEncryptionCommand(program);
  addSimulateCommands(program);
  return program;
};

try {
  await createProgram().parseAsync();
} catch (error) {
  process.stderr.write(`${wordsOf(error)}\n`);
  // What was set under a wrong name may well be why; a ConfigError has told it already.
  if (!(error instanceof ConfigError)) for (const line of misspelt(process.env)) process.stderr.write(`${line}\n`);
  process.exitCode = 1;
}
