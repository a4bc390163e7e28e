import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { recurringCharge } from '../../../flows/recurring-charge.js';
import {
  alter,
  cancel,
  eventually,
  monthlyPrice,
  type Recurring,
  readCharges,
  readRecurring,
  renew,
  resume,
  startActive,
} from '../../harness/recurring.js';
import { addFault, clearFaults } from '../../harness/sandbox-control.js';
import { openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

let lowered: number | undefined;
let bed: TestBed;
let server: Server;
let dear: string;
let cheap: string;
const flows = { recurringCharge: { ...recurringCharge, amount: () => lowered } };
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start({ flows });
  dear = await monthlyPrice(bed, { unit_amount: 20_000 });
  cheap = await monthlyPrice(bed, { unit_amount: 5_000 });
});
afterAll(() => bed.close());

const later = (recurringPaymentId: string, more: object): Promise<Recurring> =>
  alter(server, 'changeRecurringPayment', { recurringPaymentId, at: 'PERIOD_END', ...more });
const scheduleOf = async (subscription: string) => (await bed.stripe.subscriptions.retrieve(subscription)).schedule;
/** The period ends, and its successor's charge is made. */
const renewed = async (id: string): Promise<number> => {
  const before = (await readCharges(server, id)).length;
  await renew(bed);
  const charges = await eventually(
    () => readCharges(server, id),
    (rows) => rows.length === before + 1 && rows.at(-1)?.status === 'SUCCESSFUL',
  );
  return charges.at(-1)?.amountReceived ?? 0;
};

describe('a change at the period’s end', () => {
  test('waits, shows, and is what the next period costs; a restart changes nothing of that', async () => {
    const active = await startActive(bed, server);
    const waiting = await later(active.id, { priceId: dear, quantity: 2 });
    expect(waiting).toMatchObject({
      priceId: active.priceId,
      quantity: 1,
      agreedAmount: 10_000,
      pendingChange: { priceId: dear, quantity: 2, at: active.currentPeriodEnd },
    });
    await server.stop();
    server = await bed.start({ flows });
    expect(await readRecurring(server, active.id)).toMatchObject({ pendingChange: waiting.pendingChange });
    expect(await readCharges(server, active.id)).toHaveLength(1);
    expect(await renewed(active.id)).toBe(40_000);
    expect(await readRecurring(server, active.id)).toMatchObject({
      priceId: dear,
      quantity: 2,
      agreedAmount: 40_000,
      pendingChange: null,
    });
    expect(await renewed(active.id)).toBe(40_000);
  });

  test('may bring another rhythm, and is what the period’s charge may be lowered to', async () => {
    const yearly = await monthlyPrice(bed, { unit_amount: 100_000, recurring: { interval: 'year' } });
    const active = await startActive(bed, server);
    await later(active.id, { priceId: yearly });
    lowered = 90_000;
    expect(await renewed(active.id)).toBe(90_000);
    lowered = undefined;
    const { currentPeriodEnd } = await readRecurring(server, active.id);
    const length = new Date(currentPeriodEnd ?? 0).getTime() - new Date(active.currentPeriodEnd ?? 0).getTime();
    expect(length).toBeGreaterThanOrEqual(365 * 86_400_000);
  });

  test('is replaced by the next one, also by one now, and taken back by the present terms', async () => {
    const active = await startActive(bed, server);
    await later(active.id, { priceId: dear });
    expect(await later(active.id, { priceId: cheap })).toMatchObject({ pendingChange: { priceId: cheap } });
    expect(await later(active.id, { priceId: active.priceId })).toMatchObject({ pendingChange: null });
    expect(await scheduleOf(active.stripeSubscriptionId)).toBeNull();
    await later(active.id, { priceId: cheap });
    await bed.sql.query('update public.shop_order set amount = 20000 where id = $1', [active.orderId]);
    expect(
      await alter(server, 'changeRecurringPayment', {
        recurringPaymentId: active.id,
        priceId: dear,
        proration: 'NONE',
      }),
    ).toMatchObject({ priceId: dear, pendingChange: null });
    expect(await renewed(active.id)).toBe(20_000);
  });

  test('is gone while the end is scheduled, and waits again once that is taken back', async () => {
    const active = await startActive(bed, server);
    await later(active.id, { priceId: cheap });
    expect(await cancel(server, { recurringPaymentId: active.id, at: 'PERIOD_END' })).toMatchObject({
      cancelAtPeriodEnd: true,
      pendingChange: null,
    });
    await expect(later(active.id, { priceId: dear })).rejects.toMatchObject({ code: 'ILLEGAL_TRANSITION' });
    expect(await resume(server, active.id)).toMatchObject({
      cancelAtPeriodEnd: false,
      pendingChange: { priceId: cheap, quantity: 1, at: active.currentPeriodEnd },
    });
    expect(await renewed(active.id)).toBe(5_000);
  });

  test('ends with its recurring payment', async () => {
    const [one, two] = [await startActive(bed, server), await startActive(bed, server)];
    for (const { id } of [one, two]) await later(id, { priceId: dear });
    expect(await cancel(server, { recurringPaymentId: one.id })).toMatchObject({
      status: 'CANCELED',
      pendingChange: null,
    });
    await cancel(server, { recurringPaymentId: two.id, at: 'PERIOD_END' });
    await renew(bed);
    await eventually(
      () => readRecurring(server, two.id),
      ({ status }) => status === 'CANCELED',
    );
    expect(await readCharges(server, two.id)).toHaveLength(1);
  });
});

describe('what an operator does in Stripe’s dashboard meanwhile', () => {
  test('shows: another plan of the schedule, a price now, a schedule that is taken away', async () => {
    const active = await startActive(bed, server);
    await later(active.id, { priceId: dear });
    const id = String(await scheduleOf(active.stripeSubscriptionId));
    const { phases } = await bed.stripe.subscriptionSchedules.retrieve(id);
    await bed.stripe.subscriptionSchedules.update(id, {
      phases: [
        {
          items: [{ price: active.priceId, quantity: 1 }],
          start_date: phases[0]?.start_date ?? 0,
          end_date: phases[0]?.end_date ?? 0,
        },
        { items: [{ price: cheap, quantity: 3 }] },
      ],
    });
    const shows = (holds: (row: Recurring) => boolean) => eventually(() => readRecurring(server, active.id), holds);
    await shows(({ pendingChange }) => pendingChange?.priceId === cheap && pendingChange.quantity === 3);
    const { items } = await bed.stripe.subscriptions.retrieve(active.stripeSubscriptionId);
    await bed.stripe.subscriptions.update(active.stripeSubscriptionId, {
      items: [{ id: items.data[0]?.id ?? '', quantity: 4 }],
      proration_behavior: 'none',
    });
    await shows(({ quantity, pendingChange }) => quantity === 4 && pendingChange?.priceId === cheap);
    await bed.stripe.subscriptionSchedules.release(id);
    await shows(({ pendingChange }) => pendingChange === null);
    expect(await renewed(active.id)).toBe(40_000);
  });
});

describe('many at once, and lost answers', () => {
  test('twenty schedule it once', async () => {
    const active = await startActive(bed, server);
    const answers = await Promise.all(Array.from({ length: 20 }, () => later(active.id, { priceId: dear })));
    expect(new Set(answers.map(({ pendingChange }) => pendingChange?.priceId))).toEqual(new Set([dear]));
    const { customer } = await bed.stripe.subscriptions.retrieve(active.stripeSubscriptionId);
    const { data } = await bed.stripe.subscriptionSchedules.list({ customer: String(customer), limit: 100 });
    expect(data.filter(({ subscription }) => subscription === active.stripeSubscriptionId)).toHaveLength(1);
  });

  test.each([
    ['making the schedule', '/v1/subscription_schedules'],
    ['its phases', '/v1/subscription_schedules/sub_sched_*'],
  ])('of %s: the same key goes on, and one schedule brings the terms', async (_, path) => {
    const active = await startActive(bed, server);
    const wanted = { priceId: dear, idempotencyKey: `lost-${active.id}` };
    await addFault(bed.sandbox, { kind: 'disconnect-after-apply', times: 3, match: { method: 'POST', path } });
    await later(active.id, wanted).catch(({ code }: { code: string }) => expect(code).toBe('STRIPE_UNAVAILABLE'));
    await clearFaults(bed.sandbox);
    expect(await later(active.id, wanted)).toMatchObject({ pendingChange: { priceId: dear } });
    expect(await renewed(active.id)).toBe(20_000);
  });

  test('of a release: the end is scheduled all the same', async () => {
    const active = await startActive(bed, server);
    await later(active.id, { priceId: dear });
    const match = { method: 'POST', path: '/v1/subscription_schedules/*/release' };
    await addFault(bed.sandbox, { kind: 'disconnect-after-apply', times: 3, match });
    const end = { recurringPaymentId: active.id, at: 'PERIOD_END', idempotencyKey: `end-${active.id}` };
    await cancel(server, end).catch(({ code }: { code: string }) => expect(code).toBe('STRIPE_UNAVAILABLE'));
    await clearFaults(bed.sandbox);
    expect(await cancel(server, end)).toMatchObject({ cancelAtPeriodEnd: true });
  });
});
