// The rows that Tollgate writes for a payment that succeeded, in one transaction that the smallest server sends in one packet:
// nothing is looked at, decided or told to anyone. What a transaction per event can reach at all.
import pg from 'pg';
import Stripe from 'stripe';
import { listen, readBody } from './server.mjs';

const { DATABASE_URL: connectionString, WEBHOOK_SECRET: secret } = process.env;
const pool = new pg.Pool({ connectionString, max: 16, pipeline: true });

const STATEMENTS = [
  ['begin', () => []],
  [
    `insert into tollgate.stripe_event (id, type, object_id, status, payload, processed_at)
      values ($1, $2, $3, 'PROCESSED', $4, now()) on conflict (id) do nothing returning 1 as "one"`,
    (event, body) => [event.id, event.type, event.data.object.id, body],
  ],
  [
    `with o as materialized (select 1 from public.shop_order o where o.id = (
        select order_id from tollgate.payment where stripe_payment_intent_id = $1) for no key update of o)
      select p.* from o, tollgate.payment p where stripe_payment_intent_id = $1 for update of p`,
    (event) => [event.data.object.id],
  ],
  [
    `with p as (
        update tollgate.payment set status = 'SUCCESSFUL', version = version + 1, amount_received = $2,
          stripe_charge_id = $3, seen_at = now(), updated_at = now() where stripe_payment_intent_id = $1 returning *),
      entry as (
        insert into tollgate.change (node_type, node_id, version, from_status, to_status, actor, event_id, flow, flow_outcome)
        select 'PAYMENT', p.id, p.version, 'PENDING', p.status, 'stripe', $4, 'payment-callback', 'done' from p)
      select p.* from p`,
    ({ id, data: { object } }) => [object.id, object.amount_received, object.latest_charge, id],
  ],
  [
    `update public.shop_order set status = 'paid' where id = $1 and amount <= $2`,
    ({ data: { object } }) => [object.metadata.tollgate_order, object.amount_received],
  ],
  ['commit', () => []],
];

listen(async (request, response) => {
  const body = await readBody(request);
  const event = Stripe.webhooks.constructEvent(body, request.headers['stripe-signature'], secret);
  const client = await pool.connect();
  const { stream } = client.connection;
  stream.cork();
  process.nextTick(() => stream.uncork());
  const work = STATEMENTS.map(([text, values], n) =>
    client.query({ name: `s${n}`, text, values: values(event, body.toString('utf8')), queryMode: 'extended' }),
  );
  await Promise.all(work).finally(() => client.release());
  response.writeHead(200).end('ok');
});
