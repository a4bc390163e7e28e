import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { recurringCharge } from '../../../flows/recurring-charge.js';
import {
  alter,
  cancel,
  eventually,
  monthlyPrice,
  readCharges,
  readRecurring,
  renew,
  resume,
  startActive,
} from '../../harness/recurring.js';
import { startServerProcess } from '../../harness/server-process.js';
import { openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

const CRASHING = fileURLToPath(new URL('../../harness/crashing-server.ts', import.meta.url));
const LOWERING = fileURLToPath(new URL('../../harness/lowering-server.ts', import.meta.url));

let bed: TestBed;
let survivor: Server;
beforeAll(async () => {
  bed = await openTestBed();
  survivor = await bed.start({ flows: { recurringCharge: { ...recurringCharge, amount: () => 8_000 } } });
});
afterAll(() => bed.close());

test.each([
  ['before the decision is committed', 'commit renewal_write_decision'],
  ['after the decision', 'request POST /v1/invoiceitems'],
  ['after the item was made', 'answer POST /v1/invoiceitems'],
])(
  'killed %s: the charge is lowered once all the same',
  async (_, crashAt) => {
    const { id, stripeSubscriptionId } = await startActive(bed, survivor);
    const victim = await startServerProcess(
      { ...bed.environment, TOLLGATE_CRASH_AT: crashAt, TOLLGATE_LOWERED: '8000' },
      LOWERING,
    );
    bed.sandbox.setWebhookUrl(`${victim.url}/webhooks/stripe`);
    const { items } = await bed.stripe.subscriptions.retrieve(stripeSubscriptionId);
    const { now } = (await (await fetch(`${bed.sandbox.url}/_sandbox/clock`)).json()) as { now: number };
    // To the draft alone: its hour has not passed yet.
    await renew(bed, (items.data[0]?.current_period_end ?? 0) - now + 60);
    expect(await victim.ended).toBeNull();

    bed.sandbox.setWebhookUrl(`${survivor.url}/webhooks/stripe`);
    const [created] = (await bed.stripe.events.list({ type: 'invoice.created', limit: 1 })).data;
    await fetch(`${bed.sandbox.url}/_sandbox/events/${created?.id}/resend`, { method: 'POST', body: '{}' });
    const invoice = await eventually(
      async () => (await bed.stripe.invoices.list({ subscription: stripeSubscriptionId, limit: 1 })).data[0],
      (draft) => draft?.total === 8_000,
      40_000,
    );
    await eventually(
      async () =>
        (
          await bed.sql.query(
            'select 1 from tollgate.renewal where stripe_invoice_id = $1 and lowered_at is not null',
            [invoice?.id],
          )
        ).rowCount,
      (count) => count === 1,
    );
    const reductions = await bed.stripe.invoiceItems.list({ invoice: invoice?.id ?? '' });
    expect(reductions.data.map((item) => item.amount)).toEqual([-2_000]);
    await renew(bed, 7_200);
    const charges = await eventually(
      () => readCharges(survivor, id),
      (rows) => rows[1]?.status === 'SUCCESSFUL',
    );
    expect(charges[1]).toMatchObject({ amount: 8_000, amountReceived: 8_000 });
    expect(charges).toHaveLength(2);
  },
  120_000,
);

describe('killed while an end is taken back that a change had waited before', () => {
  test.each([
    ['before the end is taken back', 'request', (id: string) => `POST /v1/subscriptions/${id}`, false],
    ['once the end is taken back', 'answer', (id: string) => `POST /v1/subscriptions/${id}`, true],
    ['before it is scheduled again', 'request', () => 'POST /v1/subscription_schedules', true],
    ['once its schedule is made', 'answer', () => 'POST /v1/subscription_schedules', true],
  ] as const)(
    '%s: the change waits again where the end is gone, once, and the period ends with it',
    async (_, when, path, isTakenBack) => {
      const { id, stripeSubscriptionId, currentPeriodEnd } = await startActive(bed, survivor);
      const cheap = await monthlyPrice(bed, { unit_amount: 5_000 });
      await alter(survivor, 'changeRecurringPayment', { recurringPaymentId: id, priceId: cheap, at: 'PERIOD_END' });
      await cancel(survivor, { recurringPaymentId: id, at: 'PERIOD_END' });
      const victim = await startServerProcess(
        { ...bed.environment, TOLLGATE_CRASH_AT: `${when} ${path(stripeSubscriptionId)}` },
        CRASHING,
      );
      const server = bed.attach(victim.url ?? '', async () => undefined);
      await expect(resume(server, id)).rejects.toThrow();
      expect(await victim.ended).toBeNull();

      // The leases of who died end.
      await bed.sql.query(
        `update tollgate.recurring_payment set restoring_since = now() - interval '2 minutes', changing_until = null
          where id = $1`,
        [id],
      );
      await eventually(
        async () =>
          (await bed.sql.query('select restoring_by from tollgate.recurring_payment where id = $1', [id])).rows,
        ([row]) => row?.restoring_by === null,
        15_000,
      );
      const waits = { priceId: cheap, quantity: 1, at: currentPeriodEnd };
      expect(await readRecurring(survivor, id)).toMatchObject(
        isTakenBack
          ? { cancelAtPeriodEnd: false, pendingChange: waits }
          : { cancelAtPeriodEnd: true, pendingChange: null },
      );
      // The client asks again: nothing more is done where all is done.
      expect(await resume(survivor, id)).toMatchObject({ cancelAtPeriodEnd: false, pendingChange: waits });
      const schedules = await bed.stripe.subscriptionSchedules.list({ limit: 100 });
      const living = schedules.data.filter(
        ({ subscription, status }) => subscription === stripeSubscriptionId && status === 'active',
      );
      expect(living).toHaveLength(1);
    },
    60_000,
  );
});
