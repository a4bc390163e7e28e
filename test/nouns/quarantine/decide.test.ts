import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Payment } from '../../../src/nouns/payments/row.js';
import { createQuarantine, type DecideRequest } from '../../../src/nouns/quarantine/decide.js';
import { callerOf, type Ledger, openLedger } from '../../harness/ledger.js';
import { ask } from '../../harness/payments.js';
import { ADMIN, type PaymentMoney, readRefunds } from '../../harness/refunds.js';
import { addFault } from '../../harness/sandbox-control.js';
import { readTimeline } from '../../harness/timeline.js';
import type { Server, TestBed } from '../../harness/tollgate.js';

const DECIDE = `mutation ($input: DecideQuarantinedInput!) { decideQuarantined(input: $input) {
  payment { id status version amountReceived amountRefunded amountRefundable } } }`;

let ledger: Ledger;
let bed: TestBed;
let server: Server;
beforeAll(async () => {
  ledger = await openLedger();
  ({ bed } = ledger);
  server = await bed.start({ flows: { paymentCallback: { run: () => undefined } } });
  // The rows are written as they are to be: no event is to tell of their intents.
  await addFault(bed.sandbox, { match: { eventType: '*' }, kind: 'drop', times: 100_000 });
});
afterAll(() => ledger.close());

/** A payment of 100.00 USD that was set aside, and is about to be sent back by the policy, with these columns otherwise. */
const setAside = async (columns: Record<string, unknown> = {}): Promise<string> => {
  const intent = await bed.stripe.paymentIntents.create({
    amount: 10_000,
    currency: 'usd',
    payment_method: 'pm_card_visa',
    confirm: true,
    return_url: 'https://shop.example/return',
  });
  const { id } = await ledger.addPayment({
    account_id: 'customer',
    status: 'QUARANTINED',
    amount_received: 10_000,
    quarantined_for: 'LATE',
    stripe_account: 'acct_sandbox',
    stripe_payment_intent_id: intent.id,
    send_back_at: '2100-01-01',
    ...columns,
  });
  return id;
};
const decide = async (paymentId: string, decision: string, more: object = {}): Promise<PaymentMoney> => {
  const input = { paymentId, decision, ...more };
  return (await ask<{ payment: PaymentMoney }>(server, DECIDE, { input }, ADMIN)).payment;
};
const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'none',
    (error: { code: unknown }) => error.code,
  );
/** What was written of a payment's decision: its row, and the audit. */
const writtenOf = async (id: string): Promise<unknown> => {
  const { rows } = await bed.sql.query(
    `select status, version, amount_refund_pending::int as pending, send_back_at is not null as "isDue",
      (select coalesce(jsonb_agg(jsonb_build_array(actor, action, detail) order by a.id), '[]') from tollgate.audit a
        where detail->>'paymentId' = p.id::text) as audit
      from tollgate.payment p where id = $1`,
    [id],
  );
  return rows[0];
};
const auditOf = (id: string, detail: object) => [
  ['account:admin', 'QUARANTINE_DECIDED', { paymentId: id, reason: null, amount: 10_000, currency: 'USD', ...detail }],
];

describe('a decision is refused, and writes nothing,', () => {
  test.each([
    ['to take what counts already', 'ACCEPT', { status: 'SUCCESSFUL' }, 'PAYMENT_NOT_QUARANTINED'],
    ['to send back what counts already', 'REFUND', { status: 'SUCCESSFUL' }, 'PAYMENT_NOT_QUARANTINED'],
    ['to take what was sent back', 'ACCEPT', { amount_refunded: 10_000 }, 'PAYMENT_NOT_QUARANTINED'],
    [
      'to send back what was sent back or is about to be',
      'REFUND',
      { amount_refunded: 4_000, amount_refund_pending: 6_000 },
      'PAYMENT_NOT_QUARANTINED',
    ],
    ['to take what came in another currency', 'ACCEPT', { received_currency: 'EUR' }, 'CURRENCY_MISMATCH'],
    ['to send back with the keys of the other mode', 'REFUND', { livemode: true }, 'PAYMENT_NOT_REFUNDABLE'],
    ['to send back with another account’s keys', 'REFUND', { stripe_account: 'acct_2' }, 'PAYMENT_NOT_REFUNDABLE'],
  ])('%s', async (_, decision, columns, code) => {
    const id = await setAside(columns);
    const before = await writtenOf(id);
    expect(await codeOf(decide(id, decision))).toBe(code);
    expect(await writtenOf(id)).toEqual(before);
  });

  test('to send back what a dispute has taken', async () => {
    const id = await setAside();
    await ledger.addDispute({ id });
    const before = await writtenOf(id);
    expect(await codeOf(decide(id, 'REFUND'))).toBe('PAYMENT_DISPUTED');
    expect(await writtenOf(id)).toEqual(before);
  });
});

describe('a decision is refused before any lock is taken', () => {
  const CLERK = callerOf('clerk', 'PAYMENT_MANAGE');
  const of = (payment: Partial<Payment> | undefined, request: Partial<DecideRequest> = {}): Promise<unknown> =>
    codeOf(
      createQuarantine({ reads: { paymentOf: async () => payment } } as unknown as Parameters<
        typeof createQuarantine
      >[0]).decide({ paymentId: '1', decision: 'ACCEPT', ...request }, CLERK),
    );

  test('of no payment, and of another’s by who may not read it', async () => {
    expect([await of(undefined), await of({ accountId: 'customer' })]).toEqual(['NOT_FOUND', 'NOT_FOUND']);
  });

  test('with a reason of more than 500 characters', async () => {
    expect(await of({ accountId: 'clerk' }, { reason: 'x'.repeat(501) })).toBe('BAD_USER_INPUT');
  });
});

test('what changed is told to all processes at once', async () => {
  const payment = { id: '1', status: 'QUARANTINED', currency: 'USD', amountReceived: 1, receivedCurrency: null };
  const row = { ...payment, accountId: 'clerk', amountRefunded: 0, amountRefundPending: 0 } as Payment;
  const accepted = { ...row, status: 'SUCCESSFUL' } as Payment;
  const told: unknown[] = [];
  const tx = { send: () => undefined, query: async () => [] };
  const parts = {
    database: { transaction: (run: (given: typeof tx) => unknown) => run(tx) },
    payments: { accept: async () => accepted },
    refunds: { lock: async () => ({ payment: row, refunds: [] }) },
    reads: { paymentOf: async () => row },
    publish: (changed: unknown) => void told.push(changed),
  };
  const caller = callerOf('clerk');
  const quarantine = createQuarantine(parts as unknown as Parameters<typeof createQuarantine>[0]);
  await quarantine.decide({ paymentId: '1', decision: 'ACCEPT' }, caller);
  expect(told).toEqual([{ payment: accepted, refunds: [] }]);
});

describe('money that is taken', () => {
  test.each([
    ['with a reason', ': the customer waits', { reason: 'the customer waits' }],
    ['without one', '', {}],
  ])('%s counts once, in the audit and the timeline too, and no job sends it back', async (_, words, more) => {
    const id = await setAside();
    const accepted = await decide(id, 'ACCEPT', { ...more, idempotencyKey: `accept ${id}` });
    expect(accepted).toMatchObject({ status: 'SUCCESSFUL', amountReceived: 10_000, amountRefundable: 10_000 });
    const written = {
      status: 'SUCCESSFUL',
      version: 2,
      pending: 0,
      isDue: false,
      audit: auditOf(id, { decision: 'ACCEPT', ...more }),
    };
    expect(await writtenOf(id)).toEqual(written);
    expect(await readTimeline(bed, { type: 'PAYMENT', id }, { columns: 'actor, note' })).toEqual([
      ['account:admin', `100.00 USD was accepted${words}`],
    ]);
    expect(await decide(id, 'ACCEPT', { ...more, idempotencyKey: `accept ${id}` })).toEqual(accepted);
    expect(await writtenOf(id)).toEqual(written);
  });
});

describe('money that is sent back', () => {
  test('goes back once, its refund and the audit tell why, and the same key gives it as it is now', async () => {
    const id = await setAside();
    const more = { reason: 'too late', idempotencyKey: `refund ${id}` };
    const sent = await decide(id, 'REFUND', more);
    expect(sent).toMatchObject({ status: 'QUARANTINED', amountRefunded: 10_000, amountRefundable: 0 });
    expect(await readRefunds(server, id)).toMatchObject([{ status: 'REFUNDED', amount: 10_000, reason: 'too late' }]);
    const audit = auditOf(id, { decision: 'REFUND', reason: 'too late' });
    expect(await writtenOf(id)).toMatchObject({ status: 'QUARANTINED', pending: 0, isDue: false, audit });
    expect(await decide(id, 'REFUND', more)).toEqual(sent);
    expect(await readRefunds(server, id)).toHaveLength(1);
  });

  test.each([
    ['all but what went back and what is about to', { amount_refunded: 3_000, amount_refund_pending: 2_000 }, 5_000],
    ['the last cent', { amount_refunded: 9_999 }, 1],
  ])('is %s', async (_, columns, amount) => {
    const id = await setAside(columns);
    await decide(id, 'REFUND');
    expect(await readRefunds(server, id)).toMatchObject([{ amount, reason: null }]);
    expect(await writtenOf(id)).toMatchObject({ audit: auditOf(id, { decision: 'REFUND', amount }) });
  });
});
