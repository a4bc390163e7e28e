/** Where a server dies. The names are its own: statements of its transactions, calls to Stripe. */
export type CrashPoint =
  | { readonly at: 'before commit' | 'after commit'; readonly statement: string }
  | {
      readonly at: 'before call' | 'after call';
      /** `*` is any one segment. */
      readonly path: string;
    };

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

/** More of them, in the second act. */
export const LATER_CRASH_POINTS: readonly CrashPoint[] = [
  ...(['setup_insert', 'payment_insert', 'payment_write_version', 'recurring_insert'] as const).flatMap(
    (statement): CrashPoint[] => [
      { at: 'before commit', statement },
      { at: 'after commit', statement },
    ],
  ),
  ...(
    [
      '/v1/customers',
      '/v1/customers/*',
      '/v1/setup_intents',
      '/v1/payment_methods/*/detach',
      '/v1/payment_intents/*/confirm',
      '/v1/subscriptions/*',
      '/v1/invoices/*/pay',
      '/v1/checkout/sessions',
      '/v1/checkout/sessions/*/expire',
      '/v1/payment_intents/*/capture',
      '/v1/payment_intents/*/cancel',
      '/v1/webhook_endpoints',
    ] as const
  ).flatMap((path): CrashPoint[] => [
    { at: 'before call', path },
    { at: 'after call', path },
  ]),
];

/** Whether a call goes to a point's path, in which `*` is any one segment. */
export const isPath = (pattern: string, path: string): boolean => {
  const wanted = pattern.split('/');
  const segments = path.split('/');
  return wanted.length === segments.length && wanted.every((part, at) => part === '*' || part === segments[at]);
};

/** The point in words, for the history. */
export const wordsOf = (point: CrashPoint): string =>
  'statement' in point ? `${point.at} of ${point.statement}` : `${point.at} POST ${point.path}`;

/** What is counted when a server dies at the point, or anywhere. */
export const crashWords = (point = 'at random'): string => `crash ${point}`;
