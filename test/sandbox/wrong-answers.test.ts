import { expect, test } from 'vitest';
import { useWorlds } from './harness.js';

const worlds = useWorlds();
const PAID = { amount: 1_000, currency: 'usd', payment_method: 'pm_card_visa', confirm: true } as const;

test('the fault older answers with the object as it was before its last change, expanded as asked, once', async () => {
  const { stripe, control } = await worlds.start();
  const { id } = await stripe.paymentIntents.create({ amount: 1_000, currency: 'usd' });
  await stripe.paymentIntents.confirm(id, { payment_method: 'pm_card_visa', return_url: 'https://shop.example' });
  await control('POST', '/faults', { kind: 'older', match: { method: 'GET', path: `/v1/payment_intents/${id}` } });
  expect(await stripe.paymentIntents.retrieve(id, { expand: ['latest_charge'] })).toMatchObject({
    id,
    status: 'requires_payment_method',
    latest_charge: null,
  });
  expect(await stripe.paymentIntents.retrieve(id, { expand: ['latest_charge'] })).toMatchObject({
    status: 'succeeded',
    latest_charge: { object: 'charge' },
  });
});

test('the fault another answers with the newest other object; what was done, and what its key keeps, is right', async () => {
  const { stripe, control } = await worlds.start();
  const [other] = [await stripe.paymentIntents.create(PAID)];
  await control('POST', '/faults', { kind: 'another', match: { method: 'POST', path: '/v1/payment_intents' } });
  const key = { idempotencyKey: 'k' };
  expect(await stripe.paymentIntents.create({ ...PAID, amount: 2_000 }, key)).toMatchObject({ id: other.id });
  const made = await stripe.paymentIntents.create({ ...PAID, amount: 2_000 }, key);
  expect(made).toMatchObject({ amount: 2_000, status: 'succeeded' });
  await control('POST', '/faults', { kind: 'another', match: { path: '/v1/payment_intents*' }, times: 2 });
  expect((await stripe.paymentIntents.list()).data.map(({ id }) => id)).toEqual([made.id, other.id]);
  expect(await stripe.paymentIntents.retrieve(made.id, { expand: ['latest_charge'] })).toMatchObject({
    id: other.id,
    latest_charge: { payment_intent: other.id },
  });
});
