import type { ActName } from './acts.js';
import type { Rewrite } from './database-link.js';
import type { StripeBug } from './stripe-bugs.js';

/** A fault of the product that the simulation must catch. */
export interface Bug {
  /** What it does. */
  readonly about: string;
  /** The promise that it breaks, by its name; others may break with it. */
  readonly breaks: string;
  readonly rewrite?: Rewrite;
  /** The acts in which it shows. */
  readonly shows: readonly ActName[];
  /** What a server does wrong at Stripe. */
  readonly stripe?: StripeBug;
  /** Each flow's statements go past its transaction. */
  readonly flowsOutside?: true;
  /** A committed change is told, and lost. */
  readonly losesCommits?: true;
}

/** Replaces in statements that hold `mark`; a mark that no statement holds would be no bug, so tests see each one caught. */
const inStatement =
  (mark: string, from: string | RegExp, to: string): Rewrite =>
  (text) =>
    text.includes(mark) ? text.replaceAll(from, to) : text;

/** One bug each; `tollgate simulate --bug NAME` seeds it, and a test sees the simulation catch every one. */
export const BUGS = {
  'no-locks': {
    about: 'rows are read without their locks',
    breaks: 'no refund was asked for beyond what was left',
    shows: ['refunds at once'],
    rewrite: (text) => text.replaceAll(/for (no key )?update( of \w+)?/gi, (all) => (/skip/i.test(text) ? all : '')),
  },
  'no-dedupe': {
    about: 'a delivery that comes again is applied again, whatever the row says',
    breaks: 'flows ran once per version',
    shows: ['refunds at once'],
    rewrite: (text) =>
      text.startsWith('insert into tollgate.stripe_event (id, type, object_id, status, reason')
        ? text.replace('do nothing', 'do update set attempts = excluded.attempts')
        : inStatement('with o as materialized', 'p.status as "status"', `'PENDING'::text as "status"`)(text),
  },
  'publish-before-commit': {
    about: 'a status is told although its transaction is lost',
    breaks: 'what was shown was committed, the newest last',
    shows: ['late money'],
    losesCommits: true,
  },
  'reservation-ignored': {
    about: 'pending refunds reserve nothing',
    breaks: 'no refund was asked for beyond what was left',
    shows: ['refunds at once'],
    rewrite: inStatement(
      'amount_refund_pending = s.pending',
      'amount_refund_pending = s.pending',
      'amount_refund_pending = 0 * s.pending',
    ),
  },
  'flow-outside-transaction': {
    about: "a flow's writes stay when its change is rolled back",
    breaks: 'flows ran once per version',
    shows: ['late money'],
    flowsOutside: true,
  },
  'no-retry': {
    about: 'failed events are never tried again',
    breaks: 'nothing is stuck',
    shows: ['late money'],
    rewrite: inStatement(
      "status in ('RECEIVED', 'FAILED') and payload is not null",
      'limit $1',
      'limit 0 * $1::integer',
    ),
  },
  'never-published': {
    about: 'what was published is not forgotten, and the outbox never ends',
    breaks: 'nothing is stuck',
    shows: ['late money'],
    rewrite: inStatement(
      'delete from tollgate.outbox where id',
      'delete from tollgate.outbox where id',
      'delete from tollgate.outbox where false and id',
    ),
  },
  'stale-message': {
    about: 'subscribers are sent an older version',
    breaks: 'flows ran once per version',
    shows: ['late money'],
    rewrite: inStatement(
      'update tollgate.payment t set status = u.status',
      'p.version as "version"',
      'p.version - 1 as "version"',
    ),
  },
  'wrong-amount': {
    about: 'less than what was received is booked',
    breaks: "payments are as Stripe's intents",
    shows: ['late money'],
    rewrite: inStatement(
      'update tollgate.payment t set status = u.status',
      'amount_received = u.received',
      'amount_received = greatest(u.received - 1, 0)',
    ),
  },
  'dispute-uncounted': {
    about: 'a dispute takes nothing from its payment',
    breaks: 'sums of disputes are what they took',
    shows: ['dispute'],
    rewrite: inStatement('update tollgate.payment p set version', 'amount_disputed = (', 'amount_disputed = 0 * ('),
  },
  'dispute-mistaken': {
    about: 'a dispute is booked with another amount than Stripe says',
    breaks: "disputes are as Stripe's",
    shows: ['dispute'],
    rewrite: (text) => {
      const made = inStatement(
        'insert into tollgate.dispute as d',
        'values ($1, $2, $3',
        'values ($1, $2::bigint + 1, $3',
      );
      return inStatement('update tollgate.dispute d set', 'amount = $2', 'amount = $2::bigint + 1')(made(text));
    },
  },
  'unasked-money': {
    about: 'money that nobody asked for counts by itself',
    breaks: 'money that was set aside is as was decided',
    shows: ['late money'],
    rewrite: inStatement(
      'update tollgate.payment t set status = u.status',
      'set status = u.status,',
      "set status = case u.status when 'QUARANTINED' then 'SUCCESSFUL' else u.status end,",
    ),
  },
  'owed-forgotten': {
    about: 'a flow that is owed counts as having run',
    breaks: 'flows ran once per version',
    shows: ['late money'],
    rewrite: inStatement(
      'insert into tollgate.owed_flow (flow',
      'data, error, next_try_at)\n      values ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9, case',
      "data, error, status, next_try_at)\n      values ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9, 'DONE', case",
    ),
  },
  'refund-mistaken': {
    about: 'a refund that went through is booked as canceled',
    breaks: "refunds are as Stripe's",
    shows: ['late money'],
    rewrite: inStatement(
      'update tollgate.refund r set status',
      'set status = $2,',
      "set status = case $2::text when 'REFUNDED' then 'CANCELED' else $2::text end,",
    ),
  },
  'refund-forgotten': {
    about: "nobody looks for the outcome of a refund whose call got no answer, and its events don't count",
    breaks: 'no refund is left unknown',
    shows: ['late money'],
    rewrite: (text) =>
      inStatement(
        'update tollgate.refund r set status',
        'coalesce(stripe_refund_id, $3)',
        'nullif($3::text, $3::text)',
      )(inStatement('update tollgate.refund r set checks', 'limit $1', 'limit 0 * $1::integer')(text)),
  },
  'refund-uncounted': {
    about: 'what went back is not counted on its payment',
    breaks: 'sums of refunds are what went back',
    shows: ['late money'],
    rewrite: inStatement(
      'amount_refund_pending = s.pending',
      'set amount_refunded = least(p.amount_received, s.refunded)',
      'set amount_refunded = 0 * s.refunded',
    ),
  },
  'money-forgotten': {
    about: "a paid payment names another of Stripe's objects as its own",
    breaks: 'all money of ours has its payment',
    shows: ['late money'],
    rewrite: inStatement(
      'update tollgate.payment t set status = u.status',
      'coalesce(t.stripe_payment_intent_id, u.intent)',
      "case when u.status = 'SUCCESSFUL' then 'pi_of_nobody_' || t.id else coalesce(t.stripe_payment_intent_id, u.intent) end",
    ),
  },
  'order-unmarked': {
    about: 'a paid order is not marked',
    breaks: 'orders show what was received',
    shows: ['late money'],
    rewrite: inStatement('update public.shop_order set status', "set status = 'paid'", "set status = 'pending'"),
  },
  'invoice-mistaken': {
    about: "an invoice's payment is recorded under another invoice",
    breaks: 'each paid invoice has one payment',
    shows: ['subscription'],
    rewrite: inStatement('insert into tollgate.payment as p (order_id', '$8, $9, $10', "$8, $9::text || '_other', $10"),
  },
  'subscription-mistaken': {
    about: 'a recurring payment that is active is booked as past due',
    breaks: "recurring payments are as Stripe's subscriptions",
    shows: ['subscription'],
    rewrite: inStatement(
      'update tollgate.recurring_payment r set status',
      'set status = $2,',
      "set status = case $2::text when 'ACTIVE' then 'PAST_DUE' else $2::text end,",
    ),
  },
  'renewal-twice': {
    about: "a later invoice's order is made once more",
    breaks: 'each later invoice has an order of its own',
    shows: ['subscription'],
    rewrite: inStatement(
      'insert into public.shop_order (account_id, description',
      'select account_id, description, $2, $3, product from public.shop_order where id = $1',
      'select account_id, description, $2::bigint, $3::text, product from public.shop_order, generate_series(1, 2) where id = $1',
    ),
  },
  'agreed-forgotten': {
    about: 'what was agreed on stays what it was at the start',
    breaks: "recurring payments are as Stripe's subscriptions",
    shows: ['subscription'],
    rewrite: inStatement(
      'update tollgate.recurring_payment r set status = $2',
      'agreed_amount = $13',
      'agreed_amount = nullif($13::bigint, $13::bigint)',
    ),
  },
  'methods-of-others': {
    about: "an account is shown another's saved methods",
    breaks: "saved methods are those of the account's customer",
    shows: ['methods'],
    rewrite: inStatement(
      'select stripe_customer_id as "id" from tollgate.stripe_customer',
      'where account_id = $1',
      'where account_id <> $1',
    ),
  },
  'removal-forgotten': {
    about: 'a method is told as removed, and Stripe is never asked',
    breaks: 'a removed method is charged no more',
    shows: ['methods'],
    stripe: 'keeps methods',
  },
  'owner-mistaken': {
    about: "a method counts as another account's, and is charged with its customer",
    breaks: "nobody pays with another account's method",
    shows: ['methods'],
    rewrite: (text) =>
      inStatement(
        'insert into tollgate.payment as p (order_id, account_id, amount',
        'where c.account_id = $2 and',
        'where (c.account_id = $2) = ($18::text is null) and',
      )(
        inStatement(
          'select account_id as "accountId" from tollgate.stripe_customer',
          'where stripe_customer_id = $1 and',
          'where stripe_customer_id <> $1 and',
        )(text),
      ),
  },
  'righting-again': {
    about: 'each that asks at once for a failed renewal to be paid tries it by itself',
    breaks: 'a failed renewal is put right once',
    shows: ['methods'],
    rewrite: inStatement(
      'update tollgate.payment p set saved_method_id = $2',
      'then attempt else attempt + 1 end',
      'then attempt + 1 else attempt + 1 end',
    ),
  },
  'righting-forgotten': {
    about: 'a method that is set for a failed renewal is not charged',
    breaks: 'a failed renewal is put right once',
    shows: ['methods'],
    rewrite: inStatement(
      'where recurring_payment_id = $1 and stripe_invoice_id is not null and',
      'where recurring_payment_id = $1 and',
      'where false and recurring_payment_id = $1 and',
    ),
  },
  'another-believed': {
    about: "an answer about another payment intent is taken for the payment's own",
    breaks: "each version tells what the payment's own intent had said",
    shows: ['wrong answers'],
    stripe: 'takes any answer',
  },
  'older-believed': {
    about: 'a payment that is paid is what an older answer says',
    breaks: 'no version tells what was older than the one before',
    shows: ['wrong answers'],
    rewrite: inStatement(
      'with o as materialized',
      'p.status as "status"',
      `case p.status when 'SUCCESSFUL' then 'PENDING' else p.status end as "status"`,
    ),
  },
  'lowered-forgotten': {
    about: 'what a flow lowers a charge to is not remembered',
    breaks: 'a lowered charge is what was charged',
    shows: ['month'],
    rewrite: (text) =>
      inStatement(
        'update tollgate.renewal n set decided_at',
        'due_at = now() + $6',
        'due_at = now() + nullif($6::double precision, $6::double precision)',
      )(
        inStatement(
          'update tollgate.renewal n set decided_at',
          'decided_amount = $2',
          'decided_amount = nullif($2::bigint, $2::bigint)',
        )(text),
      ),
  },
  'change-forgotten': {
    about: 'another plan is told as agreed on, and Stripe is never asked',
    breaks: 'a change of plan that was answered stands once it is paid',
    shows: ['month'],
    stripe: 'keeps terms',
  },
  'key-remembered': {
    about: 'a server makes intents with the key that it read first',
    breaks: 'Stripe is asked with no key that has expired',
    shows: ['rotation'],
    stripe: 'keeps keys',
  },
  'endpoint-left': {
    about: 'an endpoint whose overlap is over is taken for deleted, and Stripe is never asked',
    breaks: 'Stripe delivers to one endpoint, whose secret is known',
    shows: ['rotation'],
    stripe: 'keeps endpoints',
  },
  'old-secret-forgotten': {
    about: 'the secret of the endpoint before is forgotten at once',
    breaks: 'no delivery is refused while its secret is to be accepted',
    shows: ['rotation'],
    rewrite: inStatement(
      'select value from tollgate.setting where key = $1',
      'select value',
      `select case key when 'stripe_webhook' then jsonb_set(value, '{endpoints}', coalesce((
        select jsonb_agg(e) from jsonb_array_elements(value->'endpoints') e where e->>'retireAt' is null), '[]')) else value end as value`,
    ),
  },
  'telling-forgotten': {
    about: 'what the other system did not take counts as delivered',
    breaks: 'each version was told outside, in order',
    shows: ['late money'],
    rewrite: inStatement(
      'update tollgate.outgoing_delivery d set status = u.status',
      'set status = u.status,',
      "set status = 'DELIVERED',",
    ),
  },
  'telling-anew': {
    about: 'each attempt is another message',
    breaks: 'what was told outside was committed, signed, one message each',
    shows: ['late money'],
    rewrite: inStatement(
      'update tollgate.outgoing_delivery d set next_attempt_at',
      'd.message_id as',
      'gen_random_uuid()::text as',
    ),
  },
  'effects-forgotten': {
    about: 'the effects of flows are not queued',
    breaks: "each committed flow's effect ran, with one key",
    shows: ['late money'],
    rewrite: inStatement(
      'tollgate_jobs.add_jobs',
      'from json_array_elements($1::json) s',
      'from json_array_elements($1::json) s where false',
    ),
  },
} as const satisfies Readonly<Record<string, Bug>>;

export type BugName = keyof typeof BUGS;

/** The bug of this name. */
export const bugOf = (name: BugName): Bug => BUGS[name];
