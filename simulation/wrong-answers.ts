import { type Action, codeOf, payNewOrder } from './actions.js';

/** Reads by id whose answer may be an older one, or of another object. */
const READS = [
  '/v1/payment_intents/*',
  '/v1/payment_intents/*',
  '/v1/subscriptions/*',
  '/v1/invoices/*',
  '/v1/refunds/*',
  '/v1/charges/*',
  '/v1/disputes/*',
  '/v1/customers/*',
  '/v1/payment_methods/*',
  '/v1/setup_intents/*',
  '/v1/checkout/sessions/*',
] as const;

/** Some reads are answered with an object as it was before, or with another one of its kind. */
export const troubleReads: Action = {
  name: "Stripe's reads go wrong",
  weight: 4,
  async run(world, _scene, random) {
    const kind = random.pick(['older', 'another'] as const);
    const path = random.pick(READS);
    const times = random.between(1, 3);
    await world.control('/faults', { kind, times, match: { method: 'GET', path } });
    world.history.count(`fault ${kind} answer`);
    return `${kind} at ${path}, ${times} times`;
  },
};

const RETURN_URL = 'https://shop.example/return';
const PAY = 'mutation ($input: PayInput!) { pay(input: $input) { payment { id status } } }';
/** A bank debit ends by itself within this. */
const DEBIT_SECONDS = 200;
/** More than all that looks at one object. */
const TIMES = 40;

/** One order is paid; whoever asks about another one's payment meanwhile is answered with it. */
const payAsAnother: Action = {
  name: "a payment is asked about, and another's is answered",
  weight: 0,
  async run(world, scene) {
    const paid = await payNewOrder(world, scene);
    await world.stripe.paymentIntents.confirm(paid.intentId, {
      payment_method: 'pm_card_visa',
      return_url: RETURN_URL,
    });
    const { id, orderId, intentId, amount } = await payNewOrder(world, scene);
    const path = `/v1/payment_intents/${intentId}`;
    await world.control('/faults', { kind: 'another', times: TIMES, match: { method: 'GET', path } });
    const input = { orderId, amount, currency: 'USD' };
    const end = await world
      .ask<{ payment: { status: string } }>('ann', PAY, { input })
      .then(({ payment }) => payment.status, codeOf);
    return `payment ${id} as ${paid.id}: ${end}`;
  },
};

/** A bank debit went through; an earlier event comes only then, and what is read for it is as old as that. */
const readOlder: Action = {
  name: 'a payment is asked about, and an older state is answered',
  weight: 0,
  async run(world, scene) {
    const type = 'payment_intent.processing';
    const { id, intentId } = await payNewOrder(world, scene);
    await world.control('/faults', { kind: 'drop', match: { eventType: type } });
    await world.stripe.paymentIntents.confirm(intentId, { payment_method: 'pm_usBankAccount_success' });
    await world.advance(DEBIT_SECONDS);
    await world.sandbox.settled();
    const path = `/v1/payment_intents/${intentId}`;
    await world.control('/faults', { kind: 'older', times: TIMES, match: { method: 'GET', path } });
    const { data } = await world.stripe.events.list({ type, limit: 100 });
    const late = data.find(({ data: { object } }) => Reflect.get(object, 'id') === intentId);
    await world.control(`/events/${late?.id}/resend`, {});
    await world.sandbox.settled();
    return `payment ${id}: ${late?.id} comes late`;
  },
};

/** What chance alone would hardly bring: the wrong answer to a question on which money hangs. */
export const WRONG_ANSWERS: readonly Action[] = [payAsAnother, readOlder];
