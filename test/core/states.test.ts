import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  ENDED_RECURRING_STATUSES,
  EVENT_STATUSES,
  endsPayment,
  hasArrived,
  hasBegun,
  holdsReservation,
  isConclusive,
  isLive,
  isOpen,
  isPaid,
  judgeRefund,
  judgeSnapshot,
  OPEN_PAYMENT_STATUSES,
  PAYMENT_NEXT,
  PAYMENT_STATUSES,
  type PaymentSignal,
  QUARANTINE_DECISIONS,
  QUARANTINE_NEXT,
  QUARANTINE_REASONS,
  quarantineReason,
  RECURRING_NEXT,
  RECURRING_STATUSES,
  REFUND_NEXT,
  REFUND_SIGNALS,
  REFUND_STATUSES,
  RESERVING_STATUSES,
} from '../../src/core/states.js';

const anyStatus = fc.constantFrom(...REFUND_STATUSES);
const anySignal = fc.constantFrom(...REFUND_SIGNALS);
const time = fc.nat(10);

test('the state tables are as agreed', () => {
  expect(REFUND_NEXT).toMatchInlineSnapshot(`
    {
      "CANCELED": {
        "act": "REQUIRES_ACTION",
        "await": "PENDING",
        "cancel": "CANCELED",
        "fail": "FAILED",
        "succeed": "REFUNDED",
      },
      "FAILED": {
        "act": "REQUIRES_ACTION",
        "await": "PENDING",
        "cancel": "CANCELED",
        "fail": "FAILED",
        "succeed": "REFUNDED",
      },
      "PENDING": {
        "act": "REQUIRES_ACTION",
        "await": "PENDING",
        "cancel": "CANCELED",
        "fail": "FAILED",
        "succeed": "REFUNDED",
      },
      "REFUNDED": {
        "act": "REFUNDED",
        "await": "REFUNDED",
        "cancel": "CANCELED",
        "fail": "FAILED",
        "succeed": "REFUNDED",
      },
      "REQUIRES_ACTION": {
        "act": "REQUIRES_ACTION",
        "await": "PENDING",
        "cancel": "CANCELED",
        "fail": "FAILED",
        "succeed": "REFUNDED",
      },
    }
  `);
  expect(PAYMENT_NEXT).toMatchInlineSnapshot(`
    {
      "CANCELED": {
        "act": "CANCELED",
        "await": "CANCELED",
        "cancel": "CANCELED",
        "fail": "CANCELED",
        "hold": "CANCELED",
        "mismatch": "QUARANTINED",
        "process": "CANCELED",
        "succeed": "QUARANTINED",
      },
      "FAILED": {
        "act": "REQUIRES_ACTION",
        "await": "PENDING",
        "cancel": "CANCELED",
        "fail": "FAILED",
        "hold": "REQUIRES_CAPTURE",
        "mismatch": "QUARANTINED",
        "process": "PROCESSING",
        "succeed": "SUCCESSFUL",
      },
      "PENDING": {
        "act": "REQUIRES_ACTION",
        "await": "PENDING",
        "cancel": "CANCELED",
        "fail": "FAILED",
        "hold": "REQUIRES_CAPTURE",
        "mismatch": "QUARANTINED",
        "process": "PROCESSING",
        "succeed": "SUCCESSFUL",
      },
      "PROCESSING": {
        "act": "REQUIRES_ACTION",
        "await": "PENDING",
        "cancel": "CANCELED",
        "fail": "FAILED",
        "hold": "REQUIRES_CAPTURE",
        "mismatch": "QUARANTINED",
        "process": "PROCESSING",
        "succeed": "SUCCESSFUL",
      },
      "QUARANTINED": {
        "act": "QUARANTINED",
        "await": "QUARANTINED",
        "cancel": "QUARANTINED",
        "fail": "QUARANTINED",
        "hold": "QUARANTINED",
        "mismatch": "QUARANTINED",
        "process": "QUARANTINED",
        "succeed": "QUARANTINED",
      },
      "REQUIRES_ACTION": {
        "act": "REQUIRES_ACTION",
        "await": "PENDING",
        "cancel": "CANCELED",
        "fail": "FAILED",
        "hold": "REQUIRES_CAPTURE",
        "mismatch": "QUARANTINED",
        "process": "PROCESSING",
        "succeed": "SUCCESSFUL",
      },
      "REQUIRES_CAPTURE": {
        "act": "REQUIRES_ACTION",
        "await": "PENDING",
        "cancel": "CANCELED",
        "fail": "FAILED",
        "hold": "REQUIRES_CAPTURE",
        "mismatch": "QUARANTINED",
        "process": "PROCESSING",
        "succeed": "SUCCESSFUL",
      },
      "SUCCESSFUL": {
        "act": "SUCCESSFUL",
        "await": "SUCCESSFUL",
        "cancel": "SUCCESSFUL",
        "fail": "SUCCESSFUL",
        "hold": "SUCCESSFUL",
        "mismatch": "SUCCESSFUL",
        "process": "SUCCESSFUL",
        "succeed": "SUCCESSFUL",
      },
    }
  `);
});

test('whatever Stripe says of a refund has an answer, and a repeat changes nothing', () => {
  fc.assert(
    fc.property(anyStatus, anySignal, time, time, (status, signal, at, seenAt) => {
      const next = REFUND_NEXT[status][signal];
      expect(REFUND_STATUSES).toContain(next);
      if (next === status) expect(judgeRefund(status, signal, at, seenAt)).toBe('keep');
      expect(judgeRefund(next, signal, at, seenAt)).toBe('keep');
    }),
  );
});

test('a refund fails after it succeeded; it succeeds after it failed only when Stripe was asked', () => {
  expect(REFUND_NEXT.REFUNDED.fail).toBe('FAILED');
  expect(judgeRefund('REFUNDED', 'fail', 2, 1)).toBe('apply');
  expect(judgeRefund('REFUNDED', 'fail', 1, 1)).toBe('ask');
  expect(REFUND_NEXT.FAILED.succeed).toBe('REFUNDED');
  fc.assert(
    fc.property(time, time, (at, seenAt) => {
      expect(judgeRefund('FAILED', 'succeed', at, seenAt)).toBe('ask');
      expect(judgeRefund('CANCELED', 'succeed', at, seenAt)).toBe('ask');
    }),
  );
});

test('a late snapshot never takes a confirmed refund back into waiting', () => {
  fc.assert(
    fc.property(anySignal, time, time, (signal, at, seenAt) => {
      if (judgeRefund('REFUNDED', signal, at, seenAt) === 'apply')
        expect(holdsReservation(REFUND_NEXT.REFUNDED[signal])).toBe(false);
    }),
  );
});

const SIGNALS = Object.keys(PAYMENT_NEXT.PENDING) as PaymentSignal[];

/** Each verdict on an older snapshot, one of the same second, and a newer one. */
const verdicts = (judge: (at: number, seenAt: number) => string): string =>
  [judge(1, 2), judge(2, 2), judge(3, 2)].join(' ');

test('a snapshot of a payment decides at once, is asked about, or changes nothing, as agreed', () => {
  const table = PAYMENT_STATUSES.map((status) =>
    [
      status,
      ...SIGNALS.map((signal) => `${signal}: ${verdicts((at, seen) => judgeSnapshot(status, signal, at, seen))}`),
    ].join('\n  '),
  );
  expect(table.join('\n')).toMatchInlineSnapshot(`
    "PENDING
      await: keep keep keep
      act: ask apply apply
      process: ask apply apply
      hold: ask apply apply
      succeed: apply apply apply
      fail: ask apply apply
      cancel: apply apply apply
      mismatch: apply apply apply
    REQUIRES_ACTION
      await: ask ask apply
      act: keep keep keep
      process: ask ask apply
      hold: ask ask apply
      succeed: apply apply apply
      fail: ask ask apply
      cancel: apply apply apply
      mismatch: apply apply apply
    PROCESSING
      await: ask ask apply
      act: ask ask apply
      process: keep keep keep
      hold: ask ask apply
      succeed: apply apply apply
      fail: ask ask apply
      cancel: apply apply apply
      mismatch: apply apply apply
    REQUIRES_CAPTURE
      await: ask ask apply
      act: ask ask apply
      process: ask ask apply
      hold: keep keep keep
      succeed: apply apply apply
      fail: ask ask apply
      cancel: apply apply apply
      mismatch: apply apply apply
    SUCCESSFUL
      await: keep keep keep
      act: keep keep keep
      process: keep keep keep
      hold: keep keep keep
      succeed: keep keep keep
      fail: keep keep keep
      cancel: keep keep keep
      mismatch: keep keep keep
    FAILED
      await: ask ask apply
      act: ask ask apply
      process: ask ask apply
      hold: ask ask apply
      succeed: apply apply apply
      fail: ask ask apply
      cancel: apply apply apply
      mismatch: apply apply apply
    CANCELED
      await: keep keep keep
      act: keep keep keep
      process: keep keep keep
      hold: keep keep keep
      succeed: apply apply apply
      fail: keep keep keep
      cancel: keep keep keep
      mismatch: apply apply apply
    QUARANTINED
      await: keep keep keep
      act: keep keep keep
      process: keep keep keep
      hold: keep keep keep
      succeed: keep keep keep
      fail: keep keep keep
      cancel: keep keep keep
      mismatch: keep keep keep"
  `);
});

test('a snapshot of a refund decides at once, is asked about, or changes nothing, as agreed', () => {
  const table = REFUND_STATUSES.map((status) =>
    [
      status,
      ...REFUND_SIGNALS.map((signal) => `${signal}: ${verdicts((at, seen) => judgeRefund(status, signal, at, seen))}`),
    ].join('\n  '),
  );
  expect(table.join('\n')).toMatchInlineSnapshot(`
    "PENDING
      await: keep keep keep
      act: ask ask apply
      succeed: apply apply apply
      fail: apply apply apply
      cancel: apply apply apply
    REQUIRES_ACTION
      await: ask ask apply
      act: keep keep keep
      succeed: apply apply apply
      fail: apply apply apply
      cancel: apply apply apply
    REFUNDED
      await: keep keep keep
      act: keep keep keep
      succeed: keep keep keep
      fail: ask ask apply
      cancel: ask ask apply
    FAILED
      await: ask ask ask
      act: ask ask ask
      succeed: ask ask ask
      fail: keep keep keep
      cancel: ask ask ask
    CANCELED
      await: ask ask ask
      act: ask ask ask
      succeed: ask ask ask
      fail: ask ask ask
      cancel: keep keep keep"
  `);
});

test('what a status means for money, orders and reservations is as agreed', () => {
  const payments = PAYMENT_STATUSES.map((status) => {
    const words = [
      isPaid({ status }) && 'paid',
      hasArrived({ status }) && 'arrived',
      isOpen({ status, stripePaymentIntentId: null }) && 'open',
      isOpen({ status, stripePaymentIntentId: 'pi_1' }) && 'open with an intent',
    ];
    const ends = SIGNALS.filter((signal) => endsPayment(status, signal)).join(' ');
    const asides = SIGNALS.flatMap((signal) => quarantineReason(status, signal) ?? []).join(' ');
    return `${status}: ${words.filter(Boolean).join(', ')}; ended by ${ends}; set aside ${asides}`;
  });
  expect(payments.join('\n')).toMatchInlineSnapshot(`
    "PENDING: open, open with an intent; ended by succeed cancel mismatch; set aside MISMATCH
    REQUIRES_ACTION: open, open with an intent; ended by succeed cancel mismatch; set aside MISMATCH
    PROCESSING: open, open with an intent; ended by succeed cancel mismatch; set aside MISMATCH
    REQUIRES_CAPTURE: open, open with an intent; ended by succeed cancel mismatch; set aside MISMATCH
    SUCCESSFUL: paid, arrived; ended by ; set aside 
    FAILED: open with an intent; ended by succeed cancel mismatch; set aside MISMATCH
    CANCELED: ; ended by succeed mismatch; set aside LATE MISMATCH
    QUARANTINED: arrived; ended by ; set aside "
  `);
  expect({
    OPEN_PAYMENT_STATUSES,
    QUARANTINE_DECISIONS,
    QUARANTINE_NEXT,
    QUARANTINE_REASONS,
    RESERVING_STATUSES,
    EVENT_STATUSES,
  }).toMatchInlineSnapshot(`
    {
      "EVENT_STATUSES": [
        "RECEIVED",
        "PROCESSED",
        "IGNORED",
        "FAILED",
        "DEAD",
      ],
      "OPEN_PAYMENT_STATUSES": {
        "always": [
          "PENDING",
          "REQUIRES_ACTION",
          "PROCESSING",
          "REQUIRES_CAPTURE",
        ],
        "withIntent": [
          "FAILED",
        ],
      },
      "QUARANTINE_DECISIONS": [
        "ACCEPT",
        "REFUND",
      ],
      "QUARANTINE_NEXT": {
        "ACCEPT": "SUCCESSFUL",
        "REFUND": "QUARANTINED",
      },
      "QUARANTINE_REASONS": [
        "LATE",
        "MISMATCH",
      ],
      "RESERVING_STATUSES": [
        "PENDING",
        "REQUIRES_ACTION",
      ],
    }
  `);
  expect(SIGNALS.filter(isConclusive).sort()).toEqual(['cancel', 'mismatch', 'succeed']);
});

test('a recurring payment that lives becomes what Stripe says, and one that has ended stays so', () => {
  expect(RECURRING_STATUSES.join(' ')).toMatchInlineSnapshot(
    `"INCOMPLETE INCOMPLETE_EXPIRED TRIALING ACTIVE PAST_DUE UNPAID PAUSED CANCELED"`,
  );
  for (const status of RECURRING_STATUSES)
    for (const said of RECURRING_STATUSES)
      expect(RECURRING_NEXT[status][said]).toBe(
        status === 'CANCELED' || status === 'INCOMPLETE_EXPIRED' ? status : said,
      );
  expect(ENDED_RECURRING_STATUSES).toEqual(['CANCELED', 'INCOMPLETE_EXPIRED']);
  expect(RECURRING_STATUSES.filter((status) => isLive({ status })).join(' ')).toMatchInlineSnapshot(
    `"INCOMPLETE TRIALING ACTIVE PAST_DUE UNPAID PAUSED"`,
  );
  expect(RECURRING_STATUSES.filter((status) => hasBegun({ status })).join(' ')).toMatchInlineSnapshot(
    `"TRIALING ACTIVE PAST_DUE UNPAID PAUSED"`,
  );
});
