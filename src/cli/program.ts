import fs from 'node:fs';
import { Command } from 'commander';
import { addAccountCommands } from './account.js';
import { addActivateCommand } from './activate.js';
import { addAuditCommand } from './audit.js';
import { addConsoleCommand } from './console.js';
import { addDevCommand } from './dev.js';
import { addDevServerCommand } from './dev-server.js';
import { addDoctorCommand } from './doctor.js';
import { addDocumentsCommand } from './documents.js';
import { addEffectCommands } from './effects.js';
import { addEncryptionCommand } from './encryption.js';
import { addEventCommands } from './events.js';
import { addExportCommand } from './export.js';
import { addFlowCommands } from './flows.js';
import { addImportCommand } from './import.js';
import { addInitCommand } from './init.js';
import { addMigrateCommand } from './migrate.js';
import { addOutgoingCommands } from './outgoing.js';
import { addPaymentCommands } from './payment.js';
import { addPlanCommand } from './plan.js';
import { addQuarantineCommands } from './quarantine.js';
import { addReconcileCommand } from './reconcile.js';
import { addRecurringCommands } from './recurring.js';
import { addRenewalCommands } from './renewal.js';
import { addRoleCommands } from './roles.js';
import { addRunCommands } from './run.js';
import { addStripeCommands } from './stripe.js';
import { addTestCommand } from './test.js';
import { addTokenCommand } from './token.js';
import { readVersion } from './version.js';

/** The prover comes with a checkout, not with the package. */
const addProver = async (program: Command): Promise<void> => {
  if (!fs.existsSync(new URL('../../simulation', import.meta.url))) return;
  const { addSimulateCommands } = await import('./simulate.js');
  addSimulateCommands(program);
};

/** The commands, one group a file; each has its own --help, and prints data on stdout and errors on stderr. */
export const createProgram = async (): Promise<Command> => {
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
