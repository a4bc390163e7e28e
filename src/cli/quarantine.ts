import { type Command, Option } from 'commander';
import { formatMoney } from '../core/money.js';
import type { QuarantineDecision, QuarantineReason } from '../core/states.js';
import {
  MONEY_POLICIES,
  type MoneyPolicies,
  type MoneyPolicy,
  readMoneyPolicies,
} from '../installation/money-policy.js';
import { withOperations } from './operations.js';
import { OPERATOR_CALLER } from './operator.js';
import { createOutput, type JsonOption } from './output.js';
import { withParts } from './parts.js';
import { oneLine, toTable } from './table.js';
import { withWorkspace } from './workspace.js';

/** Money that waits for a decision. */
interface Waiting {
  readonly id: string;
  readonly orderId: string;
  readonly reason: QuarantineReason | null;
  readonly amount: number;
  readonly currency: string;
  readonly asked: number;
  readonly askedIn: string;
  readonly since: Date;
}

const MOST = 1_000;

const listWaiting = async (options: JsonOption): Promise<void> => {
  const waiting = await withWorkspace(({ database }) =>
    database.query<Waiting>({
      text: `select id::text as "id", order_id::text as "orderId", quarantined_for as "reason", amount as "asked",
          amount_received - amount_refunded - amount_refund_pending as "amount", currency as "askedIn",
          coalesce(received_currency, currency) as "currency", updated_at as "since"
        from tollgate.payment where status = 'QUARANTINED' and amount_received > amount_refunded + amount_refund_pending
        order by id limit $1`,
      values: [MOST],
    }),
  );
  const table = toTable([
    ['PAYMENT', 'ORDER', 'WHY', 'CAME', 'ASKED FOR', 'SINCE'],
    ...waiting.map(({ id, orderId, reason, amount, currency, asked, askedIn, since }) => [
      id,
      orderId,
      reason ?? '',
      formatMoney(amount, currency),
      formatMoney(asked, askedIn),
      since.toISOString(),
    ]),
  ]);
  createOutput(options).data({ payments: waiting }, waiting.length === 0 ? 'No money waits for a decision.' : table);
};

interface DecideOptions extends JsonOption {
  readonly reason?: string;
}

const decide =
  (decision: QuarantineDecision) =>
  async (paymentId: string, options: DecideOptions): Promise<void> => {
    const { reason } = options;
    const request = { paymentId, decision, ...(reason !== undefined && { reason }) };
    const payment = await withOperations({ asksStripe: decision === 'REFUND' }, ({ quarantine }) =>
      quarantine.decide(request, OPERATOR_CALLER, 'operator'),
    );
    const { id, status, amountReceived, amountRefunded, amountRefundPending } = payment;
    const words =
      decision === 'ACCEPT'
        ? `Payment ${id} is ${status}; its money counts for order ${payment.orderId}.`
        : `The money of payment ${id} goes back: ${amountRefunded} of ${amountReceived} confirmed, ${amountRefundPending} under way.`;
    createOutput(options).data(
      { id, status, amountReceived, amountRefunded, amountRefundPending },
      oneLine(words, 500),
    );
  };

interface PolicyOptions extends JsonOption {
  readonly late?: MoneyPolicy;
  readonly mismatch?: MoneyPolicy;
}

const decidePolicy = async (options: PolicyOptions): Promise<void> => {
  const { late: latePayment, mismatch } = options;
  const policies: MoneyPolicies =
    latePayment === undefined && mismatch === undefined
      ? await withWorkspace(({ database }) => readMoneyPolicies(database))
      : await withParts(({ settings }) => settings.setMoneyPolicy({ latePayment, mismatch }, 'operator'));
  const words = `Money after a cancel: ${policies.latePayment}. Another amount or currency: ${policies.mismatch}.`;
  createOutput(options).data(policies, words);
};

/** Adds the commands over money that isn't what was asked for, or that came after a cancel. */
export const addQuarantineCommands = (program: Command): void => {
  const quarantine = program
    .command('quarantine')
    .description("money that isn't what was asked for, or that came after a cancel");
  quarantine
    .command('list')
    .description('what waits for a decision')
    .option('--json', 'print it as JSON')
    .action(listWaiting);
  const command = (name: string, description: string): Command =>
    quarantine
      .command(name)
      .description(description)
      .argument('<payment>', 'its id')
      .option('--reason <text>', 'why, for the audit and the timeline')
      .option('--json', 'print the payment as JSON');
  command('accept', 'take the money: the payment is SUCCESSFUL with what was received').action(decide('ACCEPT'));
  command('refund', 'send all of it back').action(decide('REFUND'));
  quarantine
    .command('policy')
    .description('decide such cases automatically from now on; without an option, print the current policy')
    .addOption(new Option('--late <policy>', 'of a success after a cancel').choices(MONEY_POLICIES))
    .addOption(new Option('--mismatch <policy>', 'of another amount or currency').choices(['ASK', 'REFUND']))
    .option('--json', 'print it as JSON')
    .action(decidePolicy);
};
