/** Where a server dies. The names are its own: statements of its transactions, calls to Stripe. */
export type CrashPoint =
  | { readonly at: 'before commit' | 'after commit'; readonly statement: string }
  | { readonly at: 'before call' | 'after call'; readonly path: string };

/** The points of the paths on which money moves; each is hit the first time that a server comes there. */
export const CRASH_POINTS: readonly CrashPoint[] = [
  ...(
    [
      'payment_insert',
      'payment_write_version',
      'payment_insert_invoice',
      'refund_insert',
      'refund_write_version',
      'recurring_insert',
      'recurring_write_version',
      'event_insert',
    ] as const
  ).flatMap((statement): CrashPoint[] => [
    { at: 'before commit', statement },
    { at: 'after commit', statement },
  ]),
  ...(['/v1/payment_intents', '/v1/refunds', '/v1/subscriptions', '/v1/customers'] as const).flatMap(
    (path): CrashPoint[] => [
      { at: 'before call', path },
      { at: 'after call', path },
    ],
  ),
];

/** The point in words, for the history. */
export const wordsOf = (point: CrashPoint): string =>
  'statement' in point ? `${point.at} of ${point.statement}` : `${point.at} POST ${point.path}`;
