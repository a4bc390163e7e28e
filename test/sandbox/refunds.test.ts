import { expect, test } from 'vitest';
import { failureOf, useWorlds, type World } from './harness.js';

const worlds = useWorlds();
const pay = ({ stripe }: World, payment_method = 'pm_card_visa') =>
  stripe.paymentIntents.create({ amount: 1_000, currency: 'usd', payment_method, confirm: true });

test('a payment is refunded in parts, never beyond what was captured', async () => {
  const world = await worlds.start();
  const { stripe, sandbox, receiver } = world;
  const intent = await pay(world);
  const first = await stripe.refunds.create({
    payment_intent: intent.id,
    amount: 400,
    reason: 'requested_by_customer',
    metadata: { row: '1' },
  });
  expect(first).toMatchObject({
    status: 'succeeded',
    amount: 400,
    charge: intent.latest_charge,
    payment_intent: intent.id,
    reason: 'requested_by_customer',
  });
  const error = await failureOf(stripe.refunds.create({ payment_intent: intent.id, amount: 601 }));
  expect(error).toMatchObject({
    statusCode: 400,
    param: 'amount',
    message: 'Refund amount ($6.01) is greater than unrefunded amount on charge ($6.00)',
  });
  await stripe.refunds.create({ charge: String(intent.latest_charge) });
  expect(await failureOf(stripe.refunds.create({ payment_intent: intent.id }))).toMatchObject({
    code: 'charge_already_refunded',
  });
  const charge = await stripe.charges.retrieve(String(intent.latest_charge), { expand: ['refunds'] });
  expect(charge).toMatchObject({ refunded: true, amount_refunded: 1_000 });
  expect(charge.refunds?.data.map(({ amount }) => amount)).toEqual([600, 400]);
  await sandbox.settled();
  expect(receiver.types().filter((type) => type === 'charge.refunded')).toHaveLength(2);
  expect(receiver.types().filter((type) => type === 'refund.created')).toHaveLength(2);
});

test('a pending refund succeeds by the clock or by the control door', async () => {
  const world = await worlds.start();
  const { stripe, control, advance, receiver } = world;
  const refund = async () => stripe.refunds.create({ payment_intent: (await pay(world, 'pm_card_pendingRefund')).id });
  const one = await refund();
  expect(one).toMatchObject({ status: 'pending', pending_reason: 'processing' });
  await control('POST', `/refunds/${one.id}/succeed`);
  expect((await stripe.refunds.retrieve(one.id)).status).toBe('succeeded');
  const two = await refund();
  await advance(181);
  expect((await stripe.refunds.retrieve(two.id)).status).toBe('succeeded');
  expect(receiver.types()).toContain('refund.updated');
  expect(receiver.types()).toContain('charge.refund.updated');
});

test('a refund can fail after it succeeded, and its money can be refunded again', async () => {
  const world = await worlds.start();
  const { stripe, control, advance, receiver } = world;
  const intent = await pay(world, 'pm_card_refundFail');
  const refund = await stripe.refunds.create({ payment_intent: intent.id });
  expect(refund.status).toBe('succeeded');
  await advance(181);
  expect(await stripe.refunds.retrieve(refund.id)).toMatchObject({
    status: 'failed',
    failure_reason: 'expired_or_canceled_card',
  });
  expect(receiver.types()).toContain('refund.failed');
  expect(await stripe.charges.retrieve(String(intent.latest_charge))).toMatchObject({
    amount_refunded: 0,
    refunded: false,
  });
  const again = await stripe.refunds.create({ payment_intent: intent.id });
  await control('POST', `/refunds/${again.id}/fail`);
  expect((await stripe.refunds.retrieve(again.id)).status).toBe('failed');
});

test('a disputed charge is not refunded; a won dispute gives the money back', async () => {
  const world = await worlds.start();
  const { stripe, control, sandbox, receiver } = world;
  const intent = await pay(world);
  const dispute = await control('POST', '/disputes', { payment_intent: intent.id, reason: 'product_not_received' });
  expect(dispute).toMatchObject({
    status: 'needs_response',
    reason: 'product_not_received',
    is_charge_refundable: false,
  });
  expect(await failureOf(stripe.refunds.create({ payment_intent: intent.id }))).toMatchObject({
    code: 'charge_disputed',
  });
  await stripe.disputes.update(String(dispute['id']), { evidence: { uncategorized_text: 'it was delivered' } });
  expect(await control('POST', `/disputes/${dispute['id']}/close`, { status: 'won' })).toMatchObject({ status: 'won' });
  await sandbox.settled();
  const seen = receiver.types().filter((type) => type.startsWith('charge.dispute.'));
  expect(seen.sort()).toEqual([
    'charge.dispute.closed',
    'charge.dispute.created',
    'charge.dispute.funds_reinstated',
    'charge.dispute.funds_withdrawn',
    'charge.dispute.updated',
  ]);
});

test('an inquiry takes no money and leaves the charge refundable; closing it by API accepts it', async () => {
  const world = await worlds.start();
  const { stripe } = world;
  const intent = await pay(world, 'pm_card_createDisputeInquiry');
  const [inquiry] = (await stripe.disputes.list({ charge: String(intent.latest_charge) })).data;
  expect(inquiry).toMatchObject({
    status: 'warning_needs_response',
    is_charge_refundable: true,
    balance_transactions: [],
  });
  expect((await stripe.refunds.create({ payment_intent: intent.id })).status).toBe('succeeded');
  expect((await stripe.disputes.close(String(inquiry?.id))).status).toBe('lost');
});

test('a payment that took no money has nothing to refund', async () => {
  const { stripe } = await worlds.start();
  const intent = await stripe.paymentIntents.create({ amount: 1_000, currency: 'usd' });
  expect(await failureOf(stripe.refunds.create({ payment_intent: intent.id }))).toMatchObject({
    statusCode: 400,
    param: 'payment_intent',
  });
});
