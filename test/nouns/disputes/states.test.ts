import { describe, expect, test } from 'vitest';
import {
  AWAITING_STATUSES,
  BLOCKING_STATUSES,
  DISPUTE_STATUSES,
  type DisputeStatus,
  judgeDispute,
  OPEN_DISPUTE_STATUSES,
  TAKING_STATUSES,
} from '../../../src/nouns/disputes/states.js';

const SEEN_AT = 100;
/** Of a snapshot that is older than what was seen, of the same second, and newer. */
const verdicts = (status: DisputeStatus, next: DisputeStatus): string =>
  [SEEN_AT - 1, SEEN_AT, SEEN_AT + 1].map((at) => judgeDispute(status, { status: next, at }, SEEN_AT)).join(' ');

/** What Stripe's docs let come next, in the order of DISPUTE_STATUSES; `x` where it may. */
const GOES_ON: Readonly<Record<DisputeStatus, string>> = {
  WARNING_NEEDS_RESPONSE: '.xxxxxxx',
  WARNING_UNDER_REVIEW: '..xxxxxx',
  WARNING_CLOSED: '...xxxx.',
  NEEDS_RESPONSE: '....xxxx',
  UNDER_REVIEW: '.....xxx',
  WON: '........',
  LOST: '........',
  PREVENTED: '........',
};
const goesOn = (from: DisputeStatus, to: DisputeStatus): boolean => GOES_ON[from][DISPUTE_STATUSES.indexOf(to)] === 'x';
const PAIRS = DISPUTE_STATUSES.flatMap((from) => DISPUTE_STATUSES.map((to) => ({ from, to })));

describe('a snapshot of a dispute that may be late', () => {
  test('of the same status moves its time on, is kept where it is older, and is asked about in the same second', () => {
    for (const status of DISPUTE_STATUSES) expect(verdicts(status, status), status).toBe('keep ask apply');
  });

  test.each(
    PAIRS.filter(({ from, to }) => goesOn(from, to)),
  )('from $from to $to goes on, never from an earlier time', ({ from, to }) =>
    expect(verdicts(from, to)).toBe('ask apply apply'));

  test.each(
    PAIRS.filter(({ from, to }) => goesOn(to, from)),
  )('of $to is behind a dispute that is $from, unless it is newer', ({ from, to }) =>
    expect(verdicts(from, to)).toBe('keep keep ask'));

  test('that the usual way doesn’t explain is asked about, whenever it comes', () => {
    const others = PAIRS.filter(({ from, to }) => from !== to && !goesOn(from, to) && !goesOn(to, from));
    for (const { from, to } of others) expect(verdicts(from, to), `${from} ${to}`).toBe('ask ask ask');
    expect(others).toContainEqual({ from: 'LOST', to: 'WON' });
  });
});

test('an inquiry takes no money; what was taken, is open or was lost stands against a refund', () => {
  expect(TAKING_STATUSES).toEqual(['NEEDS_RESPONSE', 'UNDER_REVIEW', 'LOST']);
  expect(OPEN_DISPUTE_STATUSES).toEqual([
    'WARNING_NEEDS_RESPONSE',
    'WARNING_UNDER_REVIEW',
    'NEEDS_RESPONSE',
    'UNDER_REVIEW',
  ]);
  expect(AWAITING_STATUSES).toEqual(['WARNING_NEEDS_RESPONSE', 'NEEDS_RESPONSE']);
  expect([...BLOCKING_STATUSES].sort()).toEqual([...OPEN_DISPUTE_STATUSES, 'LOST'].sort());
});
