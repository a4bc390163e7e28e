import type { Request } from 'tollgate-client';
import type { Text } from '../ui/words.js';
import { TotalsDocument } from './operations.js';

/** How far back the overview looks, in steps. */
export interface Range {
  readonly name: Text;
  /** Within a sentence. */
  readonly inWords: Text;
  readonly steps: number;
  readonly stepMs: number;
}

export const RANGES: readonly [Range, ...Range[]] = [
  { name: 'Last hour', inWords: 'in the last hour', steps: 12, stepMs: 5 * 60_000 },
  { name: 'Last day', inWords: 'in the last day', steps: 24, stepMs: 3_600_000 },
  { name: 'Last 30 days', inWords: 'in the last 30 days', steps: 30, stepMs: 86_400_000 },
];

export const KINDS = ['succeeded', 'failed', 'refunded'] as const;
export type Kind = (typeof KINDS)[number];

/** What a caption says of each kind. */
export const KIND_NAMES = { succeeded: 'Succeeded', failed: 'Failed', refunded: 'Refunded' } as const;

/** What a count of each kind is followed by. */
export const KIND_COUNTS = {
  succeeded: '{count} succeeded',
  failed: '{count} failed',
  refunded: '{count} refunded',
} as const;

/** One bar of the chart: how many of each kind were begun in it. */
export interface Step extends Readonly<Record<Kind, number>> {
  /** Milliseconds since the epoch. */
  readonly from: number;
}

/** How many, and how much in each currency, in its smallest unit. */
export interface Sum {
  readonly count: number;
  readonly amounts: ReadonlyMap<string, number>;
}

/** What became of the money of a range, and of the time of equal length before it; by the database over all rows. */
export interface Activity {
  readonly steps: readonly Step[];
  readonly now: Readonly<Record<Kind, Sum>>;
  readonly before: Readonly<Record<Kind, Sum>>;
}

interface Part {
  readonly kind: Kind;
  readonly from: number;
  readonly currency: string;
  readonly count: number;
  readonly amount: number;
}

const sumOf = (parts: readonly Part[]): Sum => {
  const amounts = new Map<string, number>();
  for (const { currency, amount } of parts)
    if (amount > 0) amounts.set(currency, (amounts.get(currency) ?? 0) + amount);
  return { count: parts.reduce((sum, { count }) => sum + count, 0), amounts };
};

const sumsOf = (parts: readonly Part[]): Record<Kind, Sum> => {
  const of = (kind: Kind): Sum => sumOf(parts.filter((part) => part.kind === kind));
  return { succeeded: of('succeeded'), failed: of('failed'), refunded: of('refunded') };
};

/** Reads the range up to now; the last step holds this moment. Refunds are left out where the reader may not see them. */
export const readActivity = async (request: Request, { steps, stepMs }: Range, refunds: boolean): Promise<Activity> => {
  const end = (Math.floor(Date.now() / stepMs) + 1) * stepMs;
  const begin = end - steps * stepMs;
  const [from, to] = [begin - steps * stepMs, end].map((at) => new Date(at).toISOString());
  const { paymentTotals, refundTotals = [] } = await request(TotalsDocument, {
    from: from ?? '',
    to: to ?? '',
    steps: steps * 2,
    refunds,
  });
  const parts: readonly Part[] = [
    ...paymentTotals.flatMap(({ from: at, currency, succeeded, received, failed }) => [
      { kind: 'succeeded' as const, from: Date.parse(at), currency, count: succeeded, amount: received },
      { kind: 'failed' as const, from: Date.parse(at), currency, count: failed, amount: 0 },
    ]),
    ...refundTotals.map(({ from: at, currency, refunds, refunded }) => ({
      ...{ kind: 'refunded' as const, from: Date.parse(at), currency, count: refunds, amount: refunded },
    })),
  ];
  const within = (at: number, of: number, kind: Kind): number =>
    sumOf(parts.filter((part) => part.kind === kind && part.from >= at && part.from < at + of)).count;
  return {
    steps: Array.from({ length: steps }, (_, index) => {
      const at = begin + index * stepMs;
      const count = (kind: Kind): number => within(at, stepMs, kind);
      return { from: at, succeeded: count('succeeded'), failed: count('failed'), refunded: count('refunded') };
    }),
    now: sumsOf(parts.filter((part) => part.from >= begin)),
    before: sumsOf(parts.filter((part) => part.from < begin)),
  };
};
