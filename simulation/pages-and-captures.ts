import { type Action, codeOf } from './actions.js';
import { hearOf, orderOf } from './methods.js';
import { PEOPLE } from './people.js';
import type { Random } from './random.js';
import type { World } from './world.js';

const SHOP = 'https://shop.example';
const PAY = 'mutation ($input: PayInput!) { pay(input: $input) { payment { id status } checkoutUrl } }';
const CAPTURE = `mutation ($input: CapturePaymentInput!) { capturePayment(input: $input) { payment { status } } }`;
const CANCEL = `mutation ($input: CancelPaymentInput!) { cancelPayment(input: $input) { payment { status } } }`;

interface PayAnswer {
  readonly payment: { readonly id: string };
  readonly checkoutUrl: string | null;
}

/** What the page's person does: pays, once or twice, is declined first, leaves it, or it runs out. */
const usePage = async (world: World, session: string, random: Random): Promise<string> => {
  const deed = random.pick(['pays', 'pays', 'pays twice', 'is declined, then pays', 'leaves', 'lets it run out']);
  const complete = (card: string) =>
    world
      .control(`/checkout/sessions/${session}/complete`, { payment_method: card, email: 'ada@example.com' })
      .then(() => 'done', codeOf);
  if (deed === 'leaves') return deed;
  if (deed === 'lets it run out') return world.stripe.checkout.sessions.expire(session).then(() => deed, codeOf);
  const ends = [deed === 'is declined, then pays' ? await complete('pm_card_visa_chargeDeclined') : deed];
  const times = deed === 'pays twice' ? 2 : 1;
  ends.push(...(await Promise.all(Array.from({ length: times }, () => complete('pm_card_visa')))));
  return ends.join(', ');
};

const payOnPage: Action = {
  name: "pay on Stripe's page",
  weight: 4,
  async run(world, scene, random) {
    const order = await orderOf(world, scene, random.pick(PEOPLE), random);
    const times = random.between(1, 2);
    const input = {
      orderId: order.id,
      amount: order.amount,
      currency: order.currency,
      mode: 'CHECKOUT',
      successUrl: `${SHOP}/done`,
      cancelUrl: `${SHOP}/cart`,
      savePaymentMethod: random.chance(0.3),
    };
    const answers = await Promise.allSettled(
      Array.from({ length: times }, () => world.ask<PayAnswer>(order.account, PAY, { input })),
    );
    const given = answers.flatMap((one) => (one.status === 'fulfilled' ? [one.value.checkoutUrl] : []));
    const session = given
      .find((url) => url !== null)
      ?.split('/')
      .at(-1);
    if (session === undefined) return `order ${order.id}: no page`;
    const used = await usePage(world, session, random);
    await hearOf(world, scene, order);
    return `order ${order.id}: ${used}`;
  },
};

const holdAndCapture: Action = {
  name: 'hold money, and capture it',
  weight: 4,
  async run(world, scene, random) {
    const order = await orderOf(world, scene, random.pick(PEOPLE), random);
    const deeds = Array.from({ length: random.between(1, 3) }, () => random.pick(['all', 'all', 'half', 'cancel']));
    const { id: orderId, account, amount, currency } = order;
    const input = { orderId, amount, currency, captureMethod: 'MANUAL' };
    const asked = await world.ask<PayAnswer>(account, PAY, { input }).catch(() => undefined);
    const intentId = await hearOf(world, scene, order);
    if (intentId === undefined || !asked) return `order ${orderId}: nothing to hold`;
    const { id } = asked.payment;
    const { status } = await world.stripe.paymentIntents.confirm(intentId, {
      payment_method: 'pm_card_visa',
      return_url: `${SHOP}/return`,
    });
    const ends = await Promise.all(
      deeds.map((deed) => {
        const taken = { id, ...(deed === 'half' && { amount: Math.floor(amount / 200) * 100 }) };
        return (
          deed === 'cancel'
            ? world.ask('admin', CANCEL, { input: { id } })
            : world.ask('admin', CAPTURE, { input: taken })
        ).then(
          () => `${deed} done`,
          (error: unknown) => `${deed} ${codeOf(error)}`,
        );
      }),
    );
    // What was taken is less than the order's amount then: nobody pays the rest.
    order.isClosed = true;
    return `order ${orderId} ${status}: ${ends.join(', ')}`;
  },
};

/** Payments on Stripe's own page, and of money that is held first. */
export const PAGE_AND_CAPTURE_ACTIONS: readonly Action[] = [payOnPage, holdAndCapture];
