import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import type { Effect, EffectContext } from '../src/flows/effects.js';
import { loadFlows } from '../src/flows/flow-loader.js';
import type { Flow, FlowContext, FlowDatabase, Flows } from '../src/flows/flows.js';

/** Decides whether a flow fails, and where. */
export interface FlowTrouble {
  next(): 'works' | 'throws first' | 'throws last';
}

interface Run {
  readonly rowId: string;
  readonly version: number;
  readonly status: string;
}

interface Needs {
  readonly trouble: FlowTrouble;
  /** Where a flow's statements go when they go past its transaction. */
  readonly outside: pg.Pool | undefined;
  /** Which other system the effect of each flow calls; without one, flows have no effects. */
  readonly effectUrl: string | undefined;
}

const EFFECT = 'tell-another-system';

/** Calls it, and isn't done before it has answered well. */
const callAnother = (effectUrl: string): Effect => ({
  async run(payload: unknown, { idempotencyKey, signal }: EffectContext) {
    const headers = { 'content-type': 'application/json', 'idempotency-key': idempotencyKey };
    const { ok, status } = await fetch(effectUrl, { method: 'POST', headers, body: JSON.stringify(payload), signal });
    if (!ok) throw new Error(`The other system answered ${status}.`);
  },
});

const pastTheTransaction = (pool: pg.Pool): FlowDatabase => ({
  query: async <Row extends object>(text: string, values: readonly unknown[] = []) =>
    (await pool.query(text, [...values])).rows as Row[],
});

/** The shipped flow, with its run written down in the same transaction, failing where trouble says so. */
const observe = <Data>(
  name: string,
  flow: Flow<Data>,
  runOf: (data: Data) => Run,
  { trouble, outside, effectUrl }: Needs,
): Flow<Data> => ({
  async run(data, given: FlowContext) {
    const context = outside ? { ...given, db: pastTheTransaction(outside) } : given;
    const fate = trouble.next();
    if (fate === 'throws first') throw new Error('the simulation makes this flow fail before its work');
    await flow.run(data, context);
    const { rowId, version, status } = runOf(data);
    await context.db.query('insert into public.flow_run (flow, row_id, version, status) values ($1, $2, $3, $4)', [
      name,
      rowId,
      version,
      status,
    ]);
    if (effectUrl) context.effects.add(EFFECT, { flow: name, rowId, version });
    if (fate === 'throws last') throw new Error('the simulation makes this flow fail after its work');
  },
});

/** The checkout's own, whether the sources run or the build does. */
const SAMPLE_FLOWS = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../flows' : '../../flows', import.meta.url),
);

/** The flows of the sample table. */
export const loadSampleFlows = (): Promise<Flows> => loadFlows(SAMPLE_FLOWS);

/** Where nothing of ours goes wrong. */
export const withoutTrouble = (effectUrl?: string): Needs => ({
  trouble: { next: () => 'works' },
  outside: undefined,
  effectUrl,
});

/** The flows, each with its runs written down. */
export const observeAll = (
  {
    paymentRequest,
    paymentCallback,
    refundCallback,
    disputeCallback,
    recurringPaymentCallback,
    recurringCharge,
  }: Flows,
  needs: Needs,
): Flows => ({
  paymentRequest,
  paymentCallback: observe(
    'payment-callback',
    paymentCallback,
    ({ payment }) => ({ rowId: payment.id, version: payment.version, status: payment.status }),
    needs,
  ),
  refundCallback: observe(
    'refund-callback',
    refundCallback,
    ({ refund }) => ({ rowId: refund.id, version: refund.version, status: refund.status }),
    needs,
  ),
  disputeCallback: observe(
    'dispute-callback',
    disputeCallback,
    ({ dispute }) => ({ rowId: dispute.id, version: dispute.version, status: dispute.status }),
    needs,
  ),
  recurringPaymentCallback: observe(
    'recurring-payment-callback',
    recurringPaymentCallback,
    ({ recurringPayment }) => ({
      rowId: recurringPayment.id,
      version: recurringPayment.version,
      status: recurringPayment.status,
    }),
    needs,
  ),
  recurringCharge: {
    tooLate: 'refund',
    async amount({ recurringPayment, amount, agreedAmount }, { db }) {
      if (needs.trouble.next() !== 'works') throw new Error('the simulation makes amount fail');
      const [lower] = await db.query<{ amount: number }>(
        'select amount from public.lowered_charge where recurring_id = $1',
        [recurringPayment.id],
      );
      return lower && lower.amount < Math.min(amount, agreedAmount) ? lower.amount : undefined;
    },
    async createOrder(charge, context) {
      const order = await recurringCharge.createOrder(charge, context);
      if (needs.trouble.next() !== 'works') throw new Error('the simulation makes createOrder fail');
      return order;
    },
  },
  effects: new Map(needs.effectUrl ? [[EFFECT, callAnother(needs.effectUrl)]] : []),
});
