import type { Command } from 'commander';
import { withOperations } from './operations.js';
import { OPERATOR_CALLER } from './operator.js';
import { createOutput, type JsonOption } from './output.js';

const retry = async (paymentId: string, options: JsonOption & { readonly reason?: string }): Promise<void> => {
  const { reason } = options;
  const { id, status, amountReceived, currency } = await withOperations({ asksStripe: true }, ({ retryRenewal }) =>
    retryRenewal({ paymentId, ...(reason !== undefined && { reason }) }, OPERATOR_CALLER, 'operator'),
  );
  createOutput(options).data({ id, status, amountReceived, currency }, `Payment ${id} is ${status}.`);
};

/** Adds the command over charges of recurring payments that failed. */
export const addRenewalCommands = (program: Command): void => {
  program
    .command('renewal')
    .description('later charges of recurring payments')
    .command('retry')
    .description("charge a failed renewal again now, to its recurring payment's method")
    .argument('<payment>', "the payment's id")
    .option('--reason <text>', 'why, for the audit')
    .option('--json', 'print the payment as JSON')
    .action(retry);
};
