import { type Command, InvalidArgumentError, Option } from 'commander';
import { withReason } from '../installation/reasons.js';
import { PAUSED_INVOICES, type PauseRequest } from '../nouns/recurring/pauses.js';
import type { Recurring } from '../nouns/recurring/recurring.js';
import type { RecurringPayment } from '../nouns/recurring/row.js';
import { CHANGE_TIMES, type ChangeRequest, PRORATIONS } from '../nouns/recurring/terms.js';
import { withOperations } from './operations.js';
import { OPERATOR_CALLER } from './operator.js';
import { createOutput, type JsonOption } from './output.js';

interface DeedOptions extends JsonOption {
  readonly reason?: string;
  readonly idempotencyKey?: string;
}

/** What names the row, and the key. */
const named = (recurringPaymentId: string, { idempotencyKey }: DeedOptions) => ({
  recurringPaymentId,
  ...(idempotencyKey !== undefined && { idempotencyKey }),
});

/** Does it as the operator; the audit keeps the reason. */
const act = async (
  deed: { readonly action: string; readonly detail: object },
  options: DeedOptions,
  work: (recurring: Recurring) => Promise<RecurringPayment>,
): Promise<void> => {
  const { reason, idempotencyKey } = options;
  const done = await withOperations({ asksStripe: true }, ({ audit, recurring }) =>
    withReason(audit, { ...deed, caller: OPERATOR_CALLER, reason, idempotencyKey }, () => work(recurring)),
  );
  const { id, status, cancelAt, collectionPaused, priceId, quantity } = done;
  createOutput(options).data(
    { id, status, cancelAt, collectionPaused, priceId, quantity },
    `Recurring payment ${id} is ${status}${cancelAt ? `, and ends at ${cancelAt.toISOString()}` : ''}${collectionPaused ? '; collection is paused' : ''}.`,
  );
};

const parseQuantity = (text: string): number => {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('A whole number from 1 on.');
  return Number(text);
};

const command = (recurring: Command, name: string, description: string): Command =>
  recurring
    .command(name)
    .description(description)
    .argument('<id>', 'its id')
    .option('--reason <text>', 'why, for the audit')
    .option('--idempotency-key <key>', 'the same key again gives the same answer, and does nothing more')
    .option('--json', 'print the result as JSON');

interface ChangeOptions extends DeedOptions, Pick<ChangeRequest, 'at' | 'proration'> {
  readonly price?: string;
  readonly quantity?: number;
}

const change = (id: string, { price, quantity, at, proration, ...options }: ChangeOptions): Promise<void> => {
  const terms = { ...(price !== undefined && { priceId: price }), ...(quantity !== undefined && { quantity }) };
  return act({ action: 'RECURRING_CHANGED', detail: { recurringPaymentId: id, ...terms } }, options, (recurring) =>
    recurring.change({ ...named(id, options), ...terms, at, proration }, OPERATOR_CALLER),
  );
};

/** Adds the commands over single recurring payments. */
export const addRecurringCommands = (program: Command): void => {
  const recurring = program.command('recurring').description('cancel, pause or change one recurring payment');
  command(recurring, 'cancel', 'end it')
    .option('--at-period-end', 'when what was paid for is over; at once unless told')
    .action((id: string, { atPeriodEnd, ...options }: DeedOptions & { readonly atPeriodEnd?: boolean }) => {
      const at = atPeriodEnd ? 'PERIOD_END' : 'NOW';
      return act({ action: 'RECURRING_CANCELED', detail: { recurringPaymentId: id, at } }, options, (all) =>
        all.cancel({ ...named(id, options), at }, OPERATOR_CALLER),
      );
    });
  command(recurring, 'resume', 'take a scheduled end back').action((id: string, options: DeedOptions) =>
    act({ action: 'RECURRING_RESUMED', detail: { recurringPaymentId: id } }, options, (all) =>
      all.resume(named(id, options), OPERATOR_CALLER),
    ),
  );
  command(recurring, 'pause', 'stop collecting its invoices')
    .addOption(new Option('--invoices <what>', 'what happens to them').choices(PAUSED_INVOICES).default('VOID'))
    .action((id: string, { invoices, ...options }: DeedOptions & Pick<PauseRequest, 'invoices'>) =>
      act({ action: 'RECURRING_PAUSED', detail: { recurringPaymentId: id } }, options, (all) =>
        all.pause({ ...named(id, options), invoices }, OPERATOR_CALLER),
      ),
    );
  command(recurring, 'unpause', 'collect them again').action((id: string, options: DeedOptions) =>
    act({ action: 'RECURRING_UNPAUSED', detail: { recurringPaymentId: id } }, options, (all) =>
      all.unpause(named(id, options), OPERATOR_CALLER),
    ),
  );
  command(recurring, 'change', 'change its price or quantity')
    .option('--price <id>', "Stripe's price, price_…")
    .option('--quantity <count>', 'so many', parseQuantity)
    .addOption(new Option('--at <when>', 'when').choices(CHANGE_TIMES).default('NOW'))
    .addOption(
      new Option('--proration <how>', 'of the period that runs').choices(PRORATIONS).default('CREATE_PRORATIONS'),
    )
    .action(change);
};
