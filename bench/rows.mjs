// Millions of rows as two years of business leave them, made by PostgreSQL itself.

const INSERTS = {
  orders: `insert into public.shop_order (account_id, amount, currency)
    select 'account-' || (n % $1::bigint / 5), 10000, 'USD' from generate_series(1::bigint, $1) n`,
  payments: `insert into tollgate.payment (order_id, account_id, amount, currency, mode, livemode, stripe_account, status,
      amount_received, amount_refunded, stripe_payment_intent_id, stripe_charge_id, created_at, updated_at)
    select o.id, o.account_id, 10000, 'USD', 'ELEMENTS', false, 'acct_bench', s.status,
      case when s.status = 'SUCCESSFUL' then 10000 else 0 end,
      case when s.status = 'SUCCESSFUL' and o.id % 20 = 0 then case when o.id % 40 = 0 then 10000 else 500 end else 0 end,
      'pi_bench' || o.id, 'ch_bench' || o.id, t.at, t.at
    from public.shop_order o
    cross join lateral (select case when o.id % 100003 = 0 then 'QUARANTINED' when o.id % 11 = 0 then 'CANCELED'
      when o.id % 7 = 1 then 'FAILED' else 'SUCCESSFUL' end as status) s
    cross join lateral (select now() - interval '730 days' * (1 - o.id::float8 / $1) as at) t`,
  refunds: `insert into tollgate.refund (payment_id, amount, currency, status, livemode, stripe_account, stripe_refund_id, created_at, updated_at)
    select id, amount_refunded, currency, case when id % 1000 = 0 then 'FAILED' else 'REFUNDED' end, livemode, stripe_account,
      're_bench' || order_id, created_at + interval '1 hour', created_at + interval '1 hour'
    from tollgate.payment where amount_refunded > 0`,
  disputes: `insert into tollgate.dispute (payment_id, amount, currency, status, reason, is_refundable, livemode, stripe_account, stripe_dispute_id,
      seen_at, created_at, updated_at)
    select id, amount, currency, 'LOST', 'fraudulent', false, livemode, stripe_account, 'du_bench' || order_id,
      created_at, created_at, created_at
    from tollgate.payment where status = 'SUCCESSFUL' and order_id % 1000 = 5`,
  recurring: `insert into tollgate.recurring_payment (order_id, account_id, price_id, quantity, status, initial_amount, currency, mode, livemode,
      stripe_account, stripe_subscription_id, created_at, updated_at)
    select order_id, account_id, 'price_bench', 1, case when order_id % 5000 = 10 then 'PAST_DUE' else 'ACTIVE' end, 10000, 'USD', 'ELEMENTS',
      false, stripe_account, 'sub_bench' || order_id, created_at, created_at
    from tollgate.payment where order_id % 10 = 0`,
  events: `insert into tollgate.stripe_event (id, type, object_id, status, attempts, received_at, processed_at)
    select 'evt_bench' || order_id, case when order_id % 1000 = 5 then 'charge.dispute.created' else 'payment_intent.succeeded' end,
      stripe_payment_intent_id, case when order_id % 50021 = 0 then 'DEAD' when order_id % 1009 = 0 then 'IGNORED' else 'PROCESSED' end, 1,
      created_at, created_at from tollgate.payment`,
  changes: `insert into tollgate.change (node_type, node_id, version, from_status, to_status, actor, event_id, at, published_at)
    select 'PAYMENT', id, 1, 'PENDING', status, 'event', 'evt_bench' || order_id, created_at, created_at from tollgate.payment`,
  webhooks: `insert into tollgate.outgoing_webhook (url, event_types, enabled, secrets)
    values ('https://warehouse.example/hook', '{payment.updated}', false, '[]')`,
  deliveries: `insert into tollgate.outgoing_delivery (webhook_id, message_id, event_type, node_type, node_id, version, snapshot, status, attempts,
      next_attempt_at, created_at, delivered_at)
    select w.id, 'msg_bench' || p.id, 'payment.updated', 'PAYMENT', p.id::text, 1, '{}', case when p.id % 20011 = 0 then 'DEAD' else 'DELIVERED' end, 1,
      null, p.created_at, p.created_at from tollgate.payment p, tollgate.outgoing_webhook w where p.id % 5 = 0`,
};

const SAMPLE = `select p.id::text as "payment", p.order_id::text as "order", p.account_id as "account", p.stripe_payment_intent_id as "intent",
    p.stripe_charge_id as "charge" from tollgate.payment p where p.order_id >= $1 and p.order_id % 1000 = 5 order by p.order_id limit 1`;

/** Fills the tables, and gives what of them is asked for. */
export const fill = async (sql, count, progress) => {
  const client = await sql.connect();
  try {
    // Made to fit together: what checks each row of an app's would take most of the time.
    await client.query(
      `set synchronous_commit = off; set maintenance_work_mem = '512MB'; set statement_timeout = 0; set session_replication_role = replica`,
    );
    for (const [name, text] of Object.entries(INSERTS)) {
      const { rowCount } = await client.query(text, text.includes('$1') ? [count] : []);
      progress(`${name}: ${rowCount?.toLocaleString('en')}`);
    }
    await client.query('truncate tollgate.outbox'); // all of it was told long ago
    await client.query('vacuum analyze');
    await client.query('checkpoint');
    const { rows } = await client.query(SAMPLE, [Math.floor(count / 2)]);
    const [{ payment, ...sample }] = rows;
    await client.query(
      `insert into tollgate.account_role (account_id, role) values ('bench', 'admin') on conflict do nothing`,
    );
    const day = 86_400_000;
    const yearAgo = Date.now() - 365 * day;
    return {
      middle: { payment, event: `evt_bench${sample.order}` },
      oldFrom: new Date(yearAgo).toISOString(),
      oldTo: new Date(yearAgo + day).toISOString(),
      sample: { ...sample, id: payment, refund: 're_bench40', subscription: 'sub_bench40', nothing: 'pi_nothing' },
    };
  } finally {
    client.release(true); // its settings are for filling alone
  }
};
