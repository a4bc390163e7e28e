import fs from 'node:fs';
import { Command } from 'commander';
import { addAccountCommands } from './cli/account.js';
import { addActivateCommand } from './cli/activate.js';
import { addAuditCommand } from './cli/audit.js';
import { addConsoleCommand } from './cli/console.js';
import { addDevCommand } from './cli/dev.js';
import { addDevServerCommand } from './cli/dev-server.js';
import { addDoctorCommand } from './cli/doctor.js';
import { addDocumentsCommand } from './cli/documents.js';
import { addEffectCommands } from './cli/effects.js';
import { addEncryptionCommand } from './cli/encryption.js';
import { addEventCommands } from './cli/events.js';
import { addExportCommand } from './cli/export.js';
import { addFlowCommands } from './cli/flows.js';
import { addImportCommand } from './cli/import.js';
import { addInitCommand } from './cli/init.js';
import { addMigrateCommand } from './cli/migrate.js';
import { addOutgoingCommands } from './cli/outgoing.js';
import { addPaymentCommands } from './cli/payment.js';
import { addPlanCommand } from './cli/plan.js';
import { addQuarantineCommands } from './cli/quarantine.js';
import { addReconcileCommand } from './cli/reconcile.js';
import { addRecurringCommands } from './cli/recurring.js';
import { addRenewalCommands } from './cli/renewal.js';
import { addRoleCommands } from './cli/roles.js';
import { addRunCommands } from './cli/run.js';
import { addStripeCommands } from './cli/stripe.js';
import { addTestCommand } from './cli/test.js';
import { addTokenCommand } from './cli/token.js';
import { readVersion } from './cli/version.js';
import { ConfigError } from './config.js';
import { wordsOf } from './core/errors.js';
import { misspelt } from './environment/misspelt.js';

/** The prover comes with a checkout, not with the package. */
const addProver = async (program: Command): Promise<void> => {
  if (!fs.existsSync(new URL('../simulation', import.meta.url))) return;
  const { addSimulateCommands } = await import('./cli/simulate.js');
  addSimulateCommands(program);
};

/** The commands, one group a file; each has its own --help, and prints data on stdout and errors on stderr. */
const createProgram = async (): Promise<Command> => {
  const program = new Command('tollgate')
    .description('A self-hosted payment backend on Stripe. Without DATABASE_URL, commands work on the embedded run.')
    .version(readVersion(), '-V, --version', 'print the version')
    .showHelpAfterError('Add --help to see how it is used.')
    .showSuggestionAfterError();
  addInitCommand(program);
  addRunCommands(program);
  addDevCommand(program);
  addDevServerCommand(program);
  addTestCommand(program);
  addMigrateCommand(program);
  addActivateCommand(program);
  addStripeCommands(program);
  addPlanCommand(program);
  addRoleCommands(program);
  addTokenCommand(program);
  addConsoleCommand(program);
  addEventCommands(program);
  addEffectCommands(program);
  addFlowCommands(program);
  addQuarantineCommands(program);
  addPaymentCommands(program);
  addRecurringCommands(program);
  addRenewalCommands(program);
  addOutgoingCommands(program);
  addExportCommand(program);
  addAuditCommand(program);
  addAccountCommands(program);
  addReconcileCommand(program);
  addImportCommand(program);
  addDoctorCommand(program);
  addEncryptionCommand(program);
  addDocumentsCommand(program);
  await addProver(program);
  return program;
};

try {
  await (await createProgram()).parseAsync();
} catch (error) {
  process.stderr.write(`${wordsOf(error)}\n`);
  // What was set under a wrong name may well be why; a ConfigError has told it already.
  if (!(error instanceof ConfigError)) for (const line of misspelt(process.env)) process.stderr.write(`${line}\n`);
  process.exitCode = 1;
}
