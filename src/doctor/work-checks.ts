import { redactWords } from '../core/redaction.js';
import { FREEZES_UNTIL_REFUSED } from '../flows/freezes.js';
import type { ProblemCode } from '../installation/problems.js';
import type { Database } from '../storage/database.js';
import { isLongAgo } from '../storage/due.js';
import { type Check, found, ok } from './checks.js';

/** How many rows of one sort wait, and since when. */
interface Waiting {
  readonly count: number;
  readonly since: Date | null;
  /** Some of them. */
  readonly some: readonly { readonly id: string; readonly why: string | null }[] | null;
}

interface Question {
  readonly title: string;
  readonly asks: string;
  readonly code: ProblemCode;
  /** Rows with `id` (text), `at`, and `why`: what went wrong, in words of whatever code it was. */
  readonly rows: string;
  readonly message: (count: number, some: string) => string;
  readonly remedy: string;
}

const A_MINUTE = `interval '1 minute'`;

const QUESTIONS: readonly Question[] = [
  {
    title: 'events that wait',
    asks: 'tollgate.stripe_event',
    code: 'EVENTS_STUCK',
    rows: `select id, last_error as why, received_at as at from tollgate.stripe_event
      where status = 'FAILED' or (status = 'RECEIVED' and ${isLongAgo('received_at', A_MINUTE)})`,
    message: (count, some) => `${count} webhook event(s) failed, or have waited for more than a minute: ${some}.`,
    remedy:
      'Read the error with "npx tollgate events show <id>" and fix the cause (often a callback flow); the event is retried.',
  },
  {
    title: 'events given up on',
    asks: 'tollgate.stripe_event',
    code: 'EVENTS_DEAD',
    rows: `select id, last_error as why, received_at as at
      from tollgate.stripe_event where status = 'DEAD'`,
    message: (count, some) => `${count} webhook event(s) failed too often and were given up on: ${some}.`,
    remedy:
      'Read the last error with "npx tollgate events show <id>", mend it, then "npx tollgate events replay <id>".',
  },
  {
    title: 'effects that failed',
    asks: 'tollgate_jobs.jobs',
    code: 'EFFECTS_FAILED',
    rows: `select j.id::text as id, j.last_error as why, j.created_at as at
      from tollgate_jobs.jobs j where j.last_error is not null and j.attempts < j.max_attempts`,
    message: (count, some) => `${count} effect(s) of callback flows failed and are tried again: ${some}.`,
    remedy:
      'Read the last error with "npx tollgate effects list" and fix the cause; the effect is retried automatically.',
  },
  {
    title: 'flows that held up the server',
    asks: 'tollgate.flow_freeze',
    code: 'FLOWS_FROZEN',
    rows: `select name || ' for ' || subject as id, (array_agg(place order by at desc))[1] as why, max(at) as at
      from tollgate.flow_freeze group by sort, name, subject having count(*) >= ${FREEZES_UNTIL_REFUSED}`,
    message: (count, some) =>
      `${count} run(s) of flows or effects held up the server ${FREEZES_UNTIL_REFUSED} times and are refused: ${some}.`,
    remedy:
      'Its code never gave back control. Mend it, start the server again, then "npx tollgate flows retry"; "npx tollgate flows list" shows them all.',
  },
  {
    title: 'effects given up on',
    asks: 'tollgate_jobs.jobs',
    code: 'EFFECTS_DEAD',
    rows: `select j.id::text, j.updated_at as at from tollgate_jobs.jobs j
      where j.attempts >= j.max_attempts and j.locked_at is null`,
    message: (count, some) => `${count} effect(s) of callback flows failed too often and were given up on: ${some}.`,
    remedy:
      'Read the last error with "npx tollgate effects list --dead", fix the cause, then run "npx tollgate effects retry".',
  },
  {
    title: 'reconciliation',
    asks: 'when it was last completed, in tollgate.setting',
    code: 'RECONCILIATION_LATE',
    rows: `select 'last completed ' || (value->>'completedAt') as id, (value->>'completedAt')::timestamptz as at
      from tollgate.setting where key = 'reconciliation'
        and (value->>'completedAt')::timestamptz < now() - interval '20 days'`,
    message: (_, some) => `Webhooks were not compared with Stripe for more than 20 days: ${some}.`,
    remedy:
      'Run "npx tollgate reconcile" and mend what it says. Stripe forgets events after 30 days; what was missed then shows on open rows alone.',
  },
  {
    title: 'events that share a transaction',
    asks: 'when batches last failed, in tollgate.setting',
    code: 'BATCHES_FAIL',
    rows: `select value->>'reason' as id, (value->>'since')::timestamptz as at from tollgate.setting
      where key = 'event_batches' and (value->>'restedAt')::timestamptz > now() - interval '5 minutes'`,
    message: (_, some) =>
      `Batches of webhook events fail one after the other (${some}): events go alone, which is slower.`,
    remedy:
      'See "Batches" in docs/flows.md for what a callback flow can not share, or say batch: false beside its run; the log names the error.',
  },
  {
    title: 'changes not yet told',
    asks: 'tollgate.outbox',
    code: 'CHANGES_UNPUBLISHED',
    rows: `select node_type || ' ' || node_id as id, at from tollgate.outbox cross join unnest(node_ids) as node_id
      where ${isLongAgo('at', A_MINUTE)}`,
    message: (count, some) => `${count} change(s) were not told to the clients within a minute: ${some}.`,
    remedy: 'Check that a server runs on this database and that Redis answers; it then publishes them automatically.',
  },
  {
    title: 'refunds of unknown outcome',
    asks: 'tollgate.refund',
    code: 'REFUNDS_UNKNOWN',
    rows: `select id::text, created_at as at from tollgate.refund
      where status = 'PENDING' and stripe_refund_id is null and ${isLongAgo('created_at', A_MINUTE)}`,
    message: (count, some) => `${count} refund(s) got no clear answer from Stripe for more than a minute: ${some}.`,
    remedy:
      'Check that a server runs and reaches Stripe: it looks up the outcome automatically; the money stays reserved.',
  },
  {
    title: 'reserved refunds',
    asks: 'tollgate.payment',
    code: 'REFUNDS_OVER_RESERVED',
    rows: `select p.id::text, p.updated_at as at from tollgate.payment p
      where p.amount_refunded + p.amount_refund_pending > p.amount_received and p.status = 'SUCCESSFUL'`,
    message: (count, some) => `Refunds of ${count} payment(s) exceed what was received: payment ${some}.`,
    remedy:
      "A refund was also made in Stripe's dashboard while one was pending here. Look at the payment's refunds in Stripe; one of them will fail.",
  },
  {
    title: 'quarantined payments',
    asks: 'tollgate.payment',
    code: 'PAYMENTS_QUARANTINED',
    rows: `select id::text, updated_at as at from tollgate.payment
      where status = 'QUARANTINED' and amount_refunded + amount_refund_pending < amount_received`,
    message: (count, some) =>
      `Money arrived that is not what was asked for, or after a cancel, on ${count} payment(s): ${some}.`,
    remedy:
      'Read the payment\'s timeline, then take the money with "npx tollgate quarantine accept <id>", or send it back with "npx tollgate quarantine refund <id>".',
  },
];

const SHOWN = 5;
const LONGEST = 120;

/** Of an error its first line, and not all of a long one; a secret is taken out before it is cut. */
const wordsOf = ({ id, why }: { readonly id: string; readonly why: string | null }): string => {
  if (why === null) return id;
  const [line = ''] = redactWords(why).split('\n');
  return `${id} (${line.slice(0, LONGEST)})`;
};

/** Whether work got stuck: events, changes, refunds, quarantined money. */
export const workChecks = (database: Database): Check[] =>
  QUESTIONS.map(({ title, asks, code, rows, message, remedy }) => ({
    title,
    asks,
    code,
    reach: 'local',
    async run() {
      const [row] = await database.query<Waiting>({
        text: `with waiting as (${rows}), counted as (select count(*) as count, min(at) as since from waiting)
          select count, since, (select json_agg(s) from (select id, to_jsonb(waiting)->>'why' as why from waiting order by at limit ${SHOWN}) s) as "some"
          from counted`,
      });
      if (!row || row.count === 0) return ok('none');
      const some = `${(row.some ?? []).map(wordsOf).join(', ')}${row.count > SHOWN ? ', …' : ''}`;
      return found({ code, message: message(row.count, some), remedy, since: row.since ?? undefined });
    },
  }));
