import type Stripe from 'stripe';
import type { World } from '../harness.js';

export const HOUR = 60 * 60;
export const DAY = 24 * HOUR;
/** As long as the longest month. */
export const MONTH = 31 * DAY;

/** A product with a monthly price, and a customer whose default method it may be. */
export const monthly = async (
  { stripe }: World,
  { amount = 1_000, method }: { amount?: number; method?: string } = {},
): Promise<{ product: Stripe.Product; price: Stripe.Price; customer: Stripe.Customer }> => {
  const product = await stripe.products.create({ name: 'Tea of the month' });
  const price = await stripe.prices.create({
    product: product.id,
    currency: 'usd',
    unit_amount: amount,
    recurring: { interval: 'month' },
  });
  const customer = await stripe.customers.create({
    email: 'ada@example.com',
    ...(method ? { payment_method: method, invoice_settings: { default_payment_method: method } } : {}),
  });
  return { product, price, customer };
};

/** Confirms the first invoice of an incomplete subscription, as the customer's browser does. */
export const confirmFirst = async (
  { stripe, control }: World,
  subscription: Stripe.Subscription,
  method = 'pm_card_visa',
): Promise<Stripe.PaymentIntent> => {
  const id =
    typeof subscription.latest_invoice === 'string'
      ? subscription.latest_invoice
      : (subscription.latest_invoice?.id ?? '');
  const invoice = await stripe.invoices.retrieve(id, { expand: ['payments'] });
  const intent = String(invoice.payments?.data[0]?.payment.payment_intent);
  const confirmed = await stripe.paymentIntents.confirm(intent, { payment_method: method });
  if (confirmed.status === 'requires_action') await control('POST', `/payment_intents/${intent}/authenticate`, {});
  return await stripe.paymentIntents.retrieve(intent);
};

/** A monthly subscription of 10.00 USD that is paid; later charges go to `later` where given. */
export const startPaid = async (world: World, later?: string): Promise<Stripe.Subscription> => {
  const { stripe } = world;
  const { price, customer } = await monthly(world);
  const created = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
    payment_behavior: 'default_incomplete',
    payment_settings: { save_default_payment_method: 'on_subscription' },
    metadata: { order: '7' },
  });
  await confirmFirst(world, created);
  if (later !== undefined) {
    const method = await stripe.paymentMethods.attach(later, { customer: customer.id });
    await stripe.subscriptions.update(created.id, { default_payment_method: method.id });
  }
  return await stripe.subscriptions.retrieve(created.id);
};

/** The subscription's invoices, newest first. */
export const invoicesOf = async (
  { stripe }: World,
  { id }: Stripe.Subscription,
  expand: string[] = [],
): Promise<Stripe.Invoice[]> => (await stripe.invoices.list({ subscription: id, limit: 100, expand })).data;

/** Seconds on the sandbox's clock until the current period ends. */
export const untilPeriodEnd = async ({ control }: World, { items }: Stripe.Subscription): Promise<number> => {
  const { now } = await control('GET', '/clock');
  return (items.data[0]?.current_period_end ?? 0) - Number(now);
};
