import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  holdsReservation,
  judgeRefund,
  PAYMENT_NEXT,
  REFUND_NEXT,
  REFUND_SIGNALS,
  REFUND_STATUSES,
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
