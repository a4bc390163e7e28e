import type Stripe from 'stripe';
import { expect, test } from 'vitest';
import { failureOf, useWorlds, type World } from './harness.js';

const worlds = useWorlds();

const withCustomer = async (world: World): Promise<Stripe.SetupIntent> => {
  const customer = await world.stripe.customers.create({});
  return await world.stripe.setupIntents.create({ customer: customer.id });
};

const attempt = async ({ stripe }: World, id: string): Promise<Stripe.SetupAttempt> => {
  const { latest_attempt: latest } = await stripe.setupIntents.retrieve(id, { expand: ['latest_attempt'] });
  if (latest === null || typeof latest === 'string') throw new Error('the attempt was not expanded');
  return latest;
};

test('each try to confirm is an attempt, whose end can be expanded and listed', async () => {
  const world = await worlds.start();
  const { stripe, control } = world;
  const setup = await withCustomer(world);
  expect(setup.latest_attempt).toBeNull();

  await failureOf(stripe.setupIntents.confirm(setup.id, { payment_method: 'pm_card_visa_chargeDeclined' }));
  const declined = await attempt(world, setup.id);
  expect(declined).toMatchObject({
    status: 'failed',
    customer: setup.customer,
    setup_intent: setup.id,
    usage: 'off_session',
    setup_error: { type: 'card_error', code: 'card_declined' },
    payment_method_details: { type: 'card', card: { last4: '0002', three_d_secure: null } },
  });

  await stripe.setupIntents.confirm(setup.id, { payment_method: 'pm_card_authenticationRequired' });
  const waiting = await attempt(world, setup.id);
  expect(waiting).toMatchObject({ status: 'requires_action', setup_error: null });
  expect(waiting.id).not.toBe(declined.id);
  await control('POST', `/setup_intents/${setup.id}/authenticate`, {});
  expect(await attempt(world, setup.id)).toMatchObject({
    id: waiting.id,
    created: waiting.created,
    status: 'succeeded',
    payment_method_details: { card: { three_d_secure: { result: 'authenticated' } } },
  });
  const listed = await stripe.setupAttempts.list({ setup_intent: setup.id });
  expect(listed.data.map(({ status }) => status)).toEqual(['succeeded', 'failed']);
  const expanded = await stripe.setupAttempts.list({ setup_intent: setup.id, expand: ['data.payment_method'] });
  expect(expanded.data[0]).toMatchObject({ payment_method: { object: 'payment_method' } });
  expect(await failureOf(stripe.setupAttempts.list({ setup_intent: 'seti_none' }))).toMatchObject({
    code: 'resource_missing',
    param: 'setup_intent',
  });
});

test('an authentication that fails ends its attempt, and one that another card replaces is abandoned', async () => {
  const world = await worlds.start();
  const { stripe, control, receiver, sandbox } = world;
  const setup = await withCustomer(world);
  await stripe.setupIntents.confirm(setup.id, { payment_method: 'pm_card_authenticationRequired' });
  await control('POST', `/setup_intents/${setup.id}/authenticate`, { outcome: 'fail' });
  expect(await attempt(world, setup.id)).toMatchObject({
    status: 'failed',
    setup_error: { code: 'setup_intent_authentication_failure' },
  });
  await stripe.setupIntents.confirm(setup.id, { payment_method: 'pm_card_authenticationRequired' });
  await stripe.setupIntents.confirm(setup.id, { payment_method: 'pm_card_visa' });
  const statuses = (await stripe.setupAttempts.list({ setup_intent: setup.id })).data.map(({ status }) => status);
  expect(statuses).toEqual(['succeeded', 'abandoned', 'failed']);

  const given = await withCustomer(world);
  await stripe.setupIntents.confirm(given.id, { payment_method: 'pm_card_authenticationRequired' });
  await stripe.setupIntents.cancel(given.id);
  expect(await attempt(world, given.id)).toMatchObject({ status: 'abandoned' });
  await sandbox.settled();
  expect(receiver.types().filter((type) => type.startsWith('setup_intent.'))).toEqual([
    'setup_intent.created',
    'setup_intent.requires_action',
    'setup_intent.setup_failed',
    'setup_intent.requires_action',
    'setup_intent.succeeded',
    'setup_intent.created',
    'setup_intent.requires_action',
    'setup_intent.canceled',
  ]);
});
