// Payments as `pay` leaves them, in numbers: one is really paid for, the others are its copies. And Stripe's events.
import Stripe from 'stripe';
import { ACCOUNT } from './account.mjs';
import { WEBHOOK_SECRET } from './bed.mjs';

const AMOUNT = 10_000;
const PAY = `mutation ($orderId: ID!) {
  pay(input: { orderId: $orderId, amount: ${AMOUNT}, currency: "USD" }) { payment { id stripePaymentIntentId } }
}`;

/** `make(count)` gives that many open payments, each of an order of its own; `eventOf(payment)` the body that Stripe would send. */
export const createPaymentFactory = async (bed, tollgateUrl) => {
  const template = await payOnce(bed, tollgateUrl);
  const event = await succeededEvent(bed, template);
  return {
    make: (count) => copyPayments(bed.sql, template, count),
    eventOf: ({ id, orderId, intentId }) =>
      event
        .replaceAll('%event%', `evt_bench${id}`)
        .replaceAll('%charge%', `ch_bench${id}`)
        .replaceAll('%intent%', intentId)
        .replaceAll('%payment%', id)
        .replaceAll('%order%', orderId),
  };
};

/** A signature made now, which is good for five minutes. */
export const sign = (body) => Stripe.webhooks.generateTestHeaderString({ payload: body, secret: WEBHOOK_SECRET });

const payOnce = async (bed, tollgateUrl) => {
  const { rows } = await bed.sql.query(
    `insert into public.shop_order (account_id, amount, currency) values ($1, $2, 'USD') returning id::text`,
    [ACCOUNT, AMOUNT],
  );
  const orderId = rows[0].id;
  const response = await fetch(`${tollgateUrl}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${await bed.token()}` },
    body: JSON.stringify({ query: PAY, variables: { orderId } }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(`pay was refused: ${errors[0].message}`);
  const { id, stripePaymentIntentId: intentId } = data.pay.payment;
  return { id, orderId, intentId };
};

/** Confirms the payment at the sandbox and reads the event that it makes, with marks where the ids were. */
const succeededEvent = async (bed, { id, orderId, intentId }) => {
  const { hostname, port } = new URL(bed.sandboxUrl);
  const stripe = new Stripe('sk_test_sandbox', {
    host: hostname,
    port: Number(port),
    protocol: 'http',
    telemetry: false,
  });
  await stripe.paymentIntents.confirm(intentId, {
    payment_method: 'pm_card_visa',
    return_url: 'https://shop.example/',
  });
  const { data } = await stripe.events.list({ type: 'payment_intent.succeeded' });
  const [event] = data;
  const { metadata } = event.data.object;
  const [, payment, order] = ['tollgate_installation', 'tollgate_payment', 'tollgate_order'].map(
    (key) => metadata[key],
  );
  if (payment !== id || order !== orderId) throw new Error('The event is not that of the payment.');
  Object.assign(metadata, { tollgate_payment: '%payment%', tollgate_order: '%order%' });
  return JSON.stringify(event, undefined, 2)
    .replaceAll(event.id, '%event%')
    .replaceAll(intentId, '%intent%')
    .replaceAll(event.data.object.latest_charge, '%charge%');
};

/** Every column of the row that `pay` left, and of its changes, with keys of their own. */
const copyPayments = async (sql, template, count) => {
  const { rows } = await sql.query(
    `with made as (
        insert into public.shop_order (account_id, amount, currency)
        select account_id, amount, currency from public.shop_order, generate_series(1, $2) where id = $1
        returning id),
      copy as (
        insert into tollgate.payment
        select (jsonb_populate_record(p, jsonb_build_object('id', nextval('tollgate.node_id'), 'order_id', made.id,
          'stripe_payment_intent_id', 'pi_bench' || made.id, 'status', 'PENDING', 'version', 2))).*
        from tollgate.payment p, made where p.id = $3
        returning *)
      select id::text, order_id::text as "orderId", stripe_payment_intent_id as "intentId" from copy`,
    [template.orderId, count, template.id],
  );
  await sql.query(
    `insert into tollgate.change (node_type, node_id, version, from_status, to_status, actor, at, published_at)
      select node_type, copy::bigint, version, from_status, to_status, actor, at, now()
      from tollgate.change, unnest($2::text[]) copy where node_type = 'PAYMENT' and node_id = $1 and version <= 2`,
    [template.id, rows.map(({ id }) => id)],
  );
  await sql.query('delete from tollgate.outbox'); // nobody is to be told of them
  await sql.query('vacuum (analyze) tollgate.payment, tollgate.change, public.shop_order, tollgate.stripe_event');
  return rows;
};
