import { expect, test } from 'vitest';
import { actorOf, type Caller, mayRead } from '../../src/core/caller.js';

const caller = (given: Partial<Caller> = {}): Caller => ({
  accountId: 'ann',
  roles: [],
  permissions: new Set(),
  ...given,
});
const reads = (who: Caller, accountId: string | null): boolean => mayRead(who, { accountId }, 'PAYMENT_READ_ANY');

test('a row is read by its own account, and by who may read any of the kind', () => {
  expect([reads(caller(), 'ann'), reads(caller(), 'bob'), reads(caller(), null)]).toEqual([true, false, false]);
  // A row of nobody's isn't that of whoever has no account.
  expect(reads(caller({ accountId: null }), null)).toBe(false);
  expect(reads(caller({ permissions: new Set(['PAYMENT_READ_ANY']) }), 'bob')).toBe(true);
  expect(reads(caller({ permissions: new Set(['REFUND_READ_ANY']) }), 'bob')).toBe(false);
});

test('timelines say the account, the command line, or that nobody signed in', () => {
  expect(actorOf(caller())).toBe('account:ann');
  expect(actorOf(caller({ actor: 'operator' }))).toBe('operator');
  expect(actorOf(caller({ accountId: null }))).toBe('anonymous');
});
