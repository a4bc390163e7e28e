import { expect, test } from 'vitest';
import { failureOf, useWorlds } from '../harness.js';

const worlds = useWorlds();

test('products are made, changed, listed and deleted unless they have prices', async () => {
  const { stripe, receiver, sandbox } = await worlds.start();
  const product = await stripe.products.create({
    name: 'Tea',
    metadata: { kind: 'green' },
    default_price_data: { currency: 'usd', unit_amount: 500, recurring: { interval: 'week', interval_count: 2 } },
    expand: ['default_price'],
  });
  expect(product).toMatchObject({ active: true, default_price: { unit_amount: 500, type: 'recurring' } });
  expect(await stripe.products.update(product.id, { active: false, description: '' })).toMatchObject({
    active: false,
    description: null,
    metadata: { kind: 'green' },
  });
  expect((await stripe.products.list({ active: true })).data).toEqual([]);
  expect((await failureOf(stripe.products.del(product.id))).message).toContain('prices');
  const bare = await stripe.products.create({ name: 'Bare' });
  expect(await stripe.products.del(bare.id)).toMatchObject({ deleted: true });
  for (const call of [
    stripe.products.retrieve(bare.id),
    stripe.products.update(bare.id, { name: 'Again' }),
    stripe.products.del(bare.id),
  ])
    expect(await failureOf(call)).toMatchObject({
      statusCode: 404,
      code: 'resource_missing',
      message: `No such product: '${bare.id}'`,
    });
  const priced = stripe.prices.create({ product: bare.id, currency: 'usd', unit_amount: 100 });
  expect(await failureOf(priced)).toMatchObject({ statusCode: 400, code: 'resource_missing', param: 'product' });
  expect((await stripe.products.list()).data.map(({ id }) => id)).toEqual([product.id]);
  await sandbox.settled();
  expect(receiver.types()).toEqual(
    expect.arrayContaining(['product.created', 'price.created', 'product.updated', 'product.deleted']),
  );
});

test('prices are found by their lookup key, which moves only when asked', async () => {
  const { stripe } = await worlds.start();
  const base = { currency: 'eur', unit_amount: 900, lookup_key: 'monthly', recurring: { interval: 'month' } } as const;
  const first = await stripe.prices.create({ ...base, product_data: { name: 'Tea' } });
  const product = String(first.product);
  expect((await failureOf(stripe.prices.create({ ...base, product }))).param).toBe('lookup_key');
  const second = await stripe.prices.create({ ...base, product, transfer_lookup_key: true });
  expect((await stripe.prices.retrieve(first.id)).lookup_key).toBeNull();
  expect((await stripe.prices.list({ lookup_keys: ['monthly'] })).data.map(({ id }) => id)).toEqual([second.id]);
  expect(await stripe.prices.update(second.id, { active: false, nickname: 'old' })).toMatchObject({
    active: false,
    nickname: 'old',
  });
  expect((await stripe.prices.list({ active: true, product, recurring: { interval: 'month' } })).data).toHaveLength(1);
});

test('a price that names no amount, no product or an unknown currency is refused', async () => {
  const { stripe } = await worlds.start();
  const product = { name: 'Tea' };
  expect((await failureOf(stripe.prices.create({ currency: 'usd', product_data: product }))).param).toBe('unit_amount');
  expect((await failureOf(stripe.prices.create({ currency: 'usd', unit_amount: 1 }))).param).toBe('product');
  expect(
    (await failureOf(stripe.prices.create({ currency: 'xyz', unit_amount: 1, product_data: product }))).param,
  ).toBe('currency');
});

test('prices that can not be charged can be told by their fields', async () => {
  const { stripe } = await worlds.start();
  const base = { currency: 'usd', product_data: { name: 'Tea' } } as const;
  const metered = await stripe.prices.create({
    ...base,
    unit_amount: 5,
    recurring: { interval: 'month', usage_type: 'metered', meter: 'mtr_1' },
  });
  expect(metered.recurring).toMatchObject({ usage_type: 'metered', meter: 'mtr_1' });
  const chosen = await stripe.prices.create({ ...base, custom_unit_amount: { enabled: true, minimum: 100 } });
  expect(chosen).toMatchObject({ unit_amount: null, custom_unit_amount: { minimum: 100, maximum: null } });
  const fraction = await stripe.prices.create({ ...base, unit_amount_decimal: '0.5' as never });
  expect(fraction.unit_amount).toBeNull();
});

test('a portal session gives a link, and a customer has an invoice balance', async () => {
  const { stripe } = await worlds.start();
  const customer = await stripe.customers.create({});
  const session = await stripe.billingPortal.sessions.create({
    customer: customer.id,
    return_url: 'https://shop.test',
  });
  expect(session).toMatchObject({ customer: customer.id, url: expect.stringContaining(session.id) });
  await stripe.customers.createBalanceTransaction(customer.id, { amount: -500, currency: 'usd' });
  expect((await stripe.customers.retrieve(customer.id)) as object).toMatchObject({ balance: -500, currency: 'usd' });
  expect((await stripe.customers.listBalanceTransactions(customer.id)).data).toMatchObject([{ ending_balance: -500 }]);
});
