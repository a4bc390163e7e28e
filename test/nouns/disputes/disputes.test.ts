import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { DisputeCallbackData } from '../../../src/flows/flows.js';
import {
  closeDispute,
  escalateDispute,
  openDispute,
  readDisputes,
  type SandboxDispute,
  watchDisputes,
} from '../../harness/disputes.js';
import { ask, confirm, type Paid, pay } from '../../harness/payments.js';
import { ADMIN, payOrder, readMoney, readRefunds, refund } from '../../harness/refunds.js';
import { clearFaults } from '../../harness/sandbox-control.js';
import { type As, openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

type Call = Pick<
  DisputeCallbackData,
  'orderId' | 'status' | 'previousStatus' | 'orderPaidAmount' | 'orderCoveredAmount'
> & {
  readonly amountDisputed: number;
};

let bed: TestBed;
let server: Server;
let calls: Call[] = [];
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start({
    flows: {
      disputeCallback: {
        run({ orderId, status, previousStatus, orderPaidAmount, orderCoveredAmount, payment: { amountDisputed } }) {
          calls.push({ orderId, status, previousStatus, orderPaidAmount, orderCoveredAmount, amountDisputed });
        },
      },
    },
  });
});
beforeEach(async () => {
  calls = [];
  await clearFaults(bed.sandbox);
});
afterAll(() => bed.close());

const callsOf = ({ payment }: Paid): Call[] => calls.filter(({ orderId }) => orderId === payment.orderId);
const intentOf = ({ payment }: Paid): string => payment.stripePaymentIntentId;
const readDisputed = (paymentId: string) =>
  ask<{ amountDisputed: number; amountRefunded: number; amountRefundable: number; status: string }>(
    server,
    'query ($id: ID!) { payment(id: $id) { status amountDisputed amountRefunded amountRefundable } }',
    { id: paymentId },
    ADMIN,
  );
const notesOf = async (paymentId: string): Promise<string[]> =>
  (
    await ask<{ timeline: { note: string | null; flow: string | null }[] }>(
      server,
      'query ($id: ID!) { payment(id: $id) { timeline { note flow } } }',
      { id: paymentId },
      ADMIN,
    )
  ).timeline.flatMap(({ note, flow }) => (flow === 'dispute-callback' ? [note ?? ''] : []));
const problemsOf = async (code: string) => {
  const { data } = await server.request('{ problems { code message remedy since } }', {}, ADMIN);
  return (data?.['problems'] as { code: string; message: string }[]).filter((problem) => problem.code === code);
};
const refusalOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'none',
    (error: { code: unknown }) => error.code,
  );
/** Opens a dispute and waits until our row is there. */
const disputeKnown = async (paid: Paid, more: object = {}): Promise<SandboxDispute> => {
  const made = await openDispute(bed, intentOf(paid), more);
  await bed.sandbox.settled();
  return made;
};

describe('a dispute', () => {
  test('by test card appears on its stream, is counted, and told in the payment’s timeline', async () => {
    const paid = await pay(server, await bed.createOrder());
    const watch = watchDisputes(server, paid.payment.id);
    await confirm(bed, paid, 'pm_card_createDispute');
    const [row] = await watch.until(({ status }) => status === 'NEEDS_RESPONSE');
    await watch.stop();
    expect(row).toMatchObject({ amount: 10_000, currency: 'USD', reason: 'fraudulent', isRefundable: false });
    expect(await readDisputed(paid.payment.id)).toMatchObject({ status: 'SUCCESSFUL', amountDisputed: 10_000 });
    await bed.sandbox.settled();
    expect(callsOf(paid)).toEqual([
      {
        orderId: paid.payment.orderId,
        status: 'NEEDS_RESPONSE',
        previousStatus: null,
        orderPaidAmount: 10_000,
        orderCoveredAmount: 10_000,
        amountDisputed: 10_000,
      },
    ]);
    expect(await notesOf(paid.payment.id)).toEqual([
      `dispute ${row?.['id']} of 100.00 USD (fraudulent) is NEEDS_RESPONSE`,
    ]);
  });

  test('that needs a response is a problem, which tells by when', async () => {
    const paid = await payOrder(bed, server);
    await disputeKnown(paid);
    const [row] = await readDisputes(server, paid.payment.id);
    const due = String(row?.evidenceDueBy);
    const told = `payment ${paid.payment.id} (100.00 USD, fraudulent) needs a response`;
    const problems = (await problemsOf('DISPUTE_NEEDS_RESPONSE')).filter(({ message }) => message.includes(told));
    expect(problems).toMatchObject([{ since: expect.any(String) }]);
    expect(problems[0]?.message).toContain(due.slice(0, 19));
  });

  test('that is answered and won gives the money back; every move runs the flow once', async () => {
    const paid = await payOrder(bed, server);
    const { id } = await disputeKnown(paid);
    await bed.stripe.disputes.update(id, { evidence: { uncategorized_text: 'they signed' }, submit: true });
    await bed.sandbox.settled();
    expect(await readDisputes(server, paid.payment.id)).toMatchObject([{ status: 'UNDER_REVIEW' }]);
    await closeDispute(bed, id, 'won');
    await bed.sandbox.settled();
    expect(await readDisputes(server, paid.payment.id)).toMatchObject([{ stripeDisputeId: id, status: 'WON' }]);
    expect(await readDisputed(paid.payment.id)).toMatchObject({ amountDisputed: 0, amountRefundable: 10_000 });
    expect(
      callsOf(paid).map(({ status, previousStatus, amountDisputed }) => [previousStatus, status, amountDisputed]),
    ).toEqual([
      [null, 'NEEDS_RESPONSE', 10_000],
      ['NEEDS_RESPONSE', 'UNDER_REVIEW', 10_000],
      ['UNDER_REVIEW', 'WON', 0],
    ]);
    expect(await refund(server, paid.payment.id, 10_000)).toMatchObject({ status: 'REFUNDED' });
  });

  test('of a partly refunded payment that is lost leaves what was refunded, and what was taken', async () => {
    const paid = await payOrder(bed, server);
    await refund(server, paid.payment.id, 3_000);
    const { id } = await disputeKnown(paid);
    await closeDispute(bed, id, 'lost');
    await bed.sandbox.settled();
    expect(await readDisputes(server, paid.payment.id)).toMatchObject([{ amount: 7_000, status: 'LOST' }]);
    expect(await readDisputed(paid.payment.id)).toMatchObject({ amountRefunded: 3_000, amountDisputed: 7_000 });
    expect(callsOf(paid).at(-1)).toMatchObject({ status: 'LOST', orderPaidAmount: 7_000, amountDisputed: 7_000 });
    expect(await refusalOf(refund(server, paid.payment.id, 1_000))).toBe('PAYMENT_DISPUTED');
  });

  test('that was prevented takes nothing', async () => {
    const paid = await payOrder(bed, server);
    const { id } = await disputeKnown(paid, { inquiry: true });
    await closeDispute(bed, id, 'prevented');
    await bed.sandbox.settled();
    expect(await readDisputes(server, paid.payment.id)).toMatchObject([{ status: 'PREVENTED' }]);
    expect(await readDisputed(paid.payment.id)).toMatchObject({ amountDisputed: 0 });
  });
});

describe('a refund of a disputed payment', () => {
  test('follows Stripe’s is_charge_refundable; refused, nothing is written and Stripe is not called', async () => {
    const paid = await payOrder(bed, server);
    const { id } = await disputeKnown(paid, { inquiry: true });
    expect(await readDisputed(paid.payment.id)).toMatchObject({ amountDisputed: 0 });
    expect(await refund(server, paid.payment.id, 1_000)).toMatchObject({ status: 'REFUNDED' });
    await escalateDispute(bed, id);
    await bed.sandbox.settled();
    expect(await readDisputes(server, paid.payment.id)).toMatchObject([
      { status: 'NEEDS_RESPONSE', isRefundable: false },
    ]);
    const asked = () => refund(server, paid.payment.id, 1_000, { idempotencyKey: `disputed ${id}` });
    expect(await refusalOf(asked())).toBe('PAYMENT_DISPUTED');
    expect(await refusalOf(asked())).toBe('PAYMENT_DISPUTED');
    expect(await readRefunds(server, paid.payment.id)).toHaveLength(1);
    await closeDispute(bed, id, 'won');
    await bed.sandbox.settled();
    // The key of a refusal is free: the same request is made once it may be.
    expect(await asked()).toMatchObject({ status: 'REFUNDED' });
    expect(await readMoney(server, paid.payment.id)).toMatchObject({ amountRefunded: 2_000 });
  });
});

describe('who may see disputes', () => {
  const reader: As = { account: 'clerk', roles: ['dispute-clerk'] };
  beforeAll(async () => {
    await ask(
      server,
      'mutation { grantPermission(input: { role: "dispute-clerk", permission: DISPUTE_READ }) { role { name } } }',
      {},
      ADMIN,
    );
  });

  test('whoever has DISPUTE_READ and may read the payment; for others it is not there, and lists hold none', async () => {
    const paid = await payOrder(bed, server);
    await disputeKnown(paid);
    const [dispute] = await readDisputes(server, paid.payment.id);
    const variables = { id: dispute?.id, payment: paid.payment.id };
    const query = `query ($id: ID!, $payment: ID) {
      dispute(id: $id) { id } node(id: $id) { id __typename } disputes(paymentId: $payment, status: NEEDS_RESPONSE) { edges { node { id } } } }`;
    expect((await server.request(query, variables, ADMIN)).data).toEqual({
      dispute: { id: dispute?.id },
      node: { id: dispute?.id, __typename: 'Dispute' },
      disputes: { edges: [{ node: { id: dispute?.id } }] },
    });
    expect((await server.request(query, variables, reader)).data).toEqual({
      dispute: null,
      node: null,
      disputes: { edges: [] },
    });
    const { errors } = await server.request('query ($id: ID!) { dispute(id: $id) { id } }', variables);
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', permission: 'DISPUTE_READ' });
    const refused = watchDisputes(server, paid.payment.id, reader);
    await expect(refused.next()).rejects.toMatchObject({ errors: [{ extensions: { code: 'NOT_FOUND' } }] });
    for (const id of ['0', 'nonsense', '999999999'])
      expect((await server.request('query ($id: ID!) { dispute(id: $id) { id } }', { id }, ADMIN)).data).toEqual({
        dispute: null,
      });
  });
});

test('the database deletes no dispute and changes nothing of whose it is', async () => {
  const paid = await payOrder(bed, server);
  await disputeKnown(paid);
  const [dispute] = await readDisputes(server, paid.payment.id);
  await expect(bed.sql.query('delete from tollgate.dispute where id = $1', [dispute?.id])).rejects.toThrow('refused');
  await expect(
    bed.sql.query(`update tollgate.dispute set currency = 'EUR' where id = $1`, [dispute?.id]),
  ).rejects.toThrow('refused');
  await expect(bed.sql.query('truncate tollgate.dispute')).rejects.toThrow('refused');
});
