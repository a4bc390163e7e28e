import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { recurringCharge } from '../../../flows/recurring-charge.js';
import { eventually, readCharges, renew, startActive } from '../../harness/recurring.js';
import { startServerProcess } from '../../harness/server-process.js';
import { openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

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
