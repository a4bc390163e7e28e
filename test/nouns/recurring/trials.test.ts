import { afterAll, beforeAll, expect, test } from 'vitest';
import { alter, cancel, initiate, monthlyPrice } from '../../harness/recurring.js';
import { addFault, clearFaults } from '../../harness/sandbox-control.js';
import { openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

let bed: TestBed;
let server: Server;
let trialPrice: string;
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start({ environment: { TOLLGATE_ONE_TRIAL_PER_ACCOUNT: 'true' } });
  trialPrice = await monthlyPrice(bed, { recurring: { interval: 'month', trial_period_days: 14 } });
});
afterAll(() => bed.close());

const start = async (account: string, on = server) => {
  const as = { account };
  return initiate(on, await bed.createOrder(as), trialPrice, {}, as);
};

test('a trial is the price’s, once per account, also after a change to another price and back', async () => {
  const first = await start('tess');
  expect(first).toMatchObject({ recurringPayment: { status: 'TRIALING' }, clientSecretType: 'SETUP' });
  const other = await monthlyPrice(bed);
  await alter(server, 'changeRecurringPayment', { recurringPaymentId: first.recurringPayment.id, priceId: other });
  await cancel(server, { recurringPaymentId: first.recurringPayment.id }, { account: 'tess' });
  const second = await start('tess');
  expect(second).toMatchObject({ recurringPayment: { status: 'INCOMPLETE' }, clientSecretType: 'PAYMENT' });
  expect(await start('else')).toMatchObject({ recurringPayment: { status: 'TRIALING' } });
});

test('twenty at once get one', async () => {
  const started = await Promise.all(Array.from({ length: 20 }, () => start('crowd')));
  const statuses = started.map(({ recurringPayment }) => recurringPayment.status);
  expect(statuses.filter((status) => status === 'TRIALING')).toHaveLength(1);
  expect(statuses.filter((status) => status === 'INCOMPLETE')).toHaveLength(19);
});

test('what was decided stays so where Stripe’s answer was lost', async () => {
  await start('lost');
  const as = { account: 'lost' };
  const orderId = await bed.createOrder(as);
  await addFault(bed.sandbox, {
    kind: 'status',
    status: 500,
    times: 3,
    match: { method: 'POST', path: '/v1/subscriptions' },
  });
  await initiate(server, orderId, trialPrice, {}, as).catch(({ code }: { code: string }) =>
    expect(code).toBe('STRIPE_UNAVAILABLE'),
  );
  await clearFaults(bed.sandbox);
  expect(await initiate(server, orderId, trialPrice, {}, as)).toMatchObject({
    recurringPayment: { status: 'INCOMPLETE' },
    clientSecretType: 'PAYMENT',
  });
});

test('without the setting each recurring payment begins with the price’s trial', async () => {
  const lenient = await bed.start();
  for (let time = 1; time <= 2; time += 1)
    expect(await start('often', lenient)).toMatchObject({ recurringPayment: { status: 'TRIALING' } });
});
