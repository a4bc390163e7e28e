import type { Request } from 'tollgate-client';
import { ActivityDocument, type ActivityQuery } from './operations.js';

/** Something that happened to money. */
export interface Happening {
  readonly kind: 'succeeded' | 'failed' | 'refunded';
  /** Milliseconds since the epoch: when the payment or the refund began. */
  readonly at: number;
  readonly amount: number;
  readonly currency: string;
}

/** How far back the overview looks, in steps. */
export interface Range {
  readonly name: string;
  readonly steps: number;
  readonly stepMs: number;
}

export const RANGES: readonly [Range, ...Range[]] = [
  { name: 'Last hour', steps: 12, stepMs: 5 * 60_000 },
  { name: 'Last day', steps: 24, stepMs: 3_600_000 },
  { name: 'Last 30 days', steps: 30, stepMs: 86_400_000 },
];

const MOST_PAGES = 10;

type ActivityPayment = ActivityQuery['payments']['edges'][number]['node'];

/** What is known of a range; `complete` is false where there were more payments than are read at once. */
export interface Activity {
  readonly happenings: readonly Happening[];
  readonly complete: boolean;
}

/** Reads payments back to `sinceMs`, the newest first, at most a thousand. */
export const readActivity = async (request: Request, sinceMs: number): Promise<Activity> => {
  const payments: ActivityPayment[] = [];
  let after: string | null = null;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const answer: ActivityQuery = await request(ActivityDocument, { after });
    const { edges, pageInfo } = answer.payments;
    payments.push(...edges.map(({ node }) => node));
    const oldest = payments.at(-1);
    const isDone = !pageInfo.hasNextPage || (oldest !== undefined && Date.parse(oldest.createdAt) < sinceMs);
    if (isDone) return { happenings: payments.flatMap(happeningsOf), complete: true };
    after = pageInfo.endCursor;
  }
  return { happenings: payments.flatMap(happeningsOf), complete: false };
};

const happeningsOf = (payment: ActivityPayment): Happening[] => {
  const { status, currency, createdAt, amount, amountReceived } = payment;
  const refunds = payment.refunds.edges
    .filter(({ node }) => node.status === 'REFUNDED')
    .map(({ node }) => ({
      kind: 'refunded' as const,
      at: Date.parse(node.createdAt),
      amount: node.amount,
      currency,
    }));
  const at = Date.parse(createdAt);
  if (status === 'SUCCESSFUL') return [{ kind: 'succeeded', at, amount: amountReceived, currency }, ...refunds];
  if (status === 'FAILED') return [{ kind: 'failed', at, amount, currency }];
  return refunds;
};

/** One bar of the chart. */
export interface Step {
  readonly from: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly refunded: number;
}

/** Counts by step, the oldest first; the last step holds `now`. */
export const stepsOf = (happenings: readonly Happening[], { steps, stepMs }: Range, now: number): readonly Step[] => {
  const end = (Math.floor(now / stepMs) + 1) * stepMs;
  return Array.from({ length: steps }, (_, index) => {
    const from = end - (steps - index) * stepMs;
    const within = happenings.filter(({ at }) => at >= from && at < from + stepMs);
    const count = (kind: Happening['kind']) => within.filter((happening) => happening.kind === kind).length;
    return { from, succeeded: count('succeeded'), failed: count('failed'), refunded: count('refunded') };
  });
};
