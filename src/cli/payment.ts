import { type Command, InvalidArgumentError } from 'commander';
import { withReason } from '../installation/reasons.js';
import type { Operations } from '../parts/operations.js';
import { withOperations } from './operations.js';
import { OPERATOR_CALLER } from './operator.js';
import { createOutput, type JsonOption } from './output.js';

interface DeedOptions extends JsonOption {
  readonly reason?: string;
  readonly idempotencyKey?: string;
}

interface Done {
  readonly id: string;
  readonly status: string;
}

interface Deed {
  readonly action: string;
  readonly detail: object;
}

const keyOf = ({ idempotencyKey }: DeedOptions) => (idempotencyKey === undefined ? {} : { idempotencyKey });

/** Does it as the operator; the audit keeps the reason. */
const act = async <T extends Done>(
  deed: Deed,
  options: DeedOptions,
  work: (operations: Operations) => Promise<T>,
): Promise<void> => {
  const done = await withOperations({ asksStripe: true }, (operations) => {
    const { reason, idempotencyKey } = options;
    return withReason(operations.audit, { ...deed, caller: OPERATOR_CALLER, reason, idempotencyKey }, () =>
      work(operations),
    );
  });
  const { id, status } = done;
  createOutput(options).data({ id, status }, `${id} is ${status}.`);
};

const parseAmount = (text: string): number => {
  if (!/^\d{1,12}$/.test(text))
    throw new InvalidArgumentError('A whole number of the smallest unit: 1000 is 10.00 USD.');
  return Number(text);
};

const deedOptions = (command: Command): Command =>
  command
    .option('--reason <text>', 'why, for the audit')
    .option('--idempotency-key <key>', 'the same key again gives the same answer, and does nothing more')
    .option('--json', 'print the result as JSON');

const refund = async (paymentId: string, amount: number, options: DeedOptions): Promise<void> => {
  const { reason } = options;
  const request = { paymentId, amount, ...(reason !== undefined && { reason }), ...keyOf(options) };
  const done = await withOperations({ asksStripe: true }, ({ refunds }) => refunds.refund(request, OPERATOR_CALLER));
  createOutput(options).data(
    { id: done.id, status: done.status, amount: done.amount, currency: done.currency },
    `Refund ${done.id} is ${done.status}.`,
  );
};

/** Adds the commands over single payments. */
export const addPaymentCommands = (program: Command): void => {
  const payment = program.command('payment').description('refund, capture or cancel one payment');
  deedOptions(
    payment
      .command('refund')
      .description('give money back')
      .argument('<payment>', 'its id')
      .argument('<amount>', 'in the smallest unit', parseAmount),
  ).action(refund);
  deedOptions(payment.command('cancel').description('end an open one').argument('<payment>', 'its id')).action(
    (id: string, options: DeedOptions) =>
      act({ action: 'PAYMENT_CANCELED', detail: { paymentId: id } }, options, ({ payments }) =>
        payments.cancelPayment({ id, ...keyOf(options) }, OPERATOR_CALLER),
      ),
  );
  deedOptions(payment.command('capture').description('take money that is held').argument('<payment>', 'its id'))
    .option('--amount <amount>', 'a part, in the smallest unit; all of it unless told', parseAmount)
    .action((id: string, { amount, ...options }: DeedOptions & { readonly amount?: number }) =>
      act({ action: 'PAYMENT_CAPTURED', detail: { paymentId: id, amount } }, options, ({ payments }) =>
        payments.capturePayment({ id, ...(amount !== undefined && { amount }), ...keyOf(options) }, OPERATOR_CALLER),
      ),
    );
};
