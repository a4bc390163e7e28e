import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createProblemWatch, readOpenProblems } from '../../src/doctor/problem-watch.js';
import type { Finding } from '../../src/installation/problems.js';
import { createDatabase, type Database } from '../../src/storage/database.js';
import { ask } from '../harness/payments.js';
import { openTestBed, type TestBed } from '../harness/tollgate.js';
import { type Receiver, startReceiver } from '../nouns/outgoing/receiver.js';
import { until } from '../outbox/until.js';

const ADMIN = { account: 'admin', roles: ['admin'] };
const CREATE = `mutation ($url: String!) { createOutgoingWebhook(input: { url: $url, eventTypes: ["problem.opened", "problem.closed"] }) {
  webhook { id } } }`;
const KEY = Buffer.alloc(32, 3).toString('base64');
const environment = { TOLLGATE_OUTGOING_HOSTS: 'localhost', TOLLGATE_ENCRYPTION_KEY: KEY };
const AT_ONCE = { firstMs: 0, everyMs: 0 };

let bed: TestBed;
let database: Database;
let receiver: Receiver;
beforeAll(async () => {
  bed = await openTestBed();
  database = createDatabase({ url: bed.database.url, poolSize: 6 });
  receiver = await startReceiver();
});
afterAll(async () => {
  await receiver.close();
  await database.close();
  await bed.close();
});

interface Message {
  readonly type: string;
  readonly data: { readonly problem: Finding; readonly closedAt?: string };
}
const told = (code: string): Message[] =>
  receiver.got.map(({ body }) => JSON.parse(body) as Message).filter(({ data }) => data.problem.code === code);

test('of several servers one tells a problem when it begins, and when it is over, and a restart tells nothing again', async () => {
  const first = await bed.start({ environment, problemTiming: AT_ONCE });
  await ask(first, CREATE, { url: receiver.url }, ADMIN);
  const second = await bed.start({ environment, problemTiming: AT_ONCE });
  const order = await bed.createOrder();
  await bed.sql.query(
    `insert into tollgate.payment (order_id, amount, currency, livemode, stripe_account, status, amount_received, account_id)
      values ($1, 500, 'USD', false, 'acct_1', 'QUARANTINED', 500, 'ann')`,
    [order],
  );
  await until(() => told('PAYMENTS_QUARANTINED').length > 0, 'it is told');
  await second.stop();
  const third = await bed.start({ environment, problemTiming: AT_ONCE });
  const { rows } = await bed.sql.query(`select value from tollgate.setting where key = 'problems'`);
  await until(async () => {
    const later = await bed.sql.query(`select value from tollgate.setting where key = 'problems'`);
    return later.rows[0].value.round > rows[0].value.round + 2;
  }, 'it was looked at again');
  expect(told('PAYMENTS_QUARANTINED')).toEqual([
    {
      type: 'problem.opened',
      timestamp: expect.any(String),
      data: {
        problem: {
          code: 'PAYMENTS_QUARANTINED',
          message: expect.stringContaining('Money arrived'),
          remedy: expect.stringContaining('tollgate quarantine accept'),
          since: expect.any(String),
        },
      },
    },
  ]);
  const [open] = await readOpenProblems(database).then((all) =>
    all.filter(({ code }) => code === 'PAYMENTS_QUARANTINED'),
  );
  expect(open?.message).toContain('Money arrived');

  await bed.sql.query(`update tollgate.payment set amount_refunded = 500 where status = 'QUARANTINED'`);
  await until(() => told('PAYMENTS_QUARANTINED').length > 1, 'its end is told');
  expect(told('PAYMENTS_QUARANTINED')[1]).toMatchObject({
    type: 'problem.closed',
    data: { problem: { code: 'PAYMENTS_QUARANTINED', since: open?.since }, closedAt: expect.any(String) },
  });
  await third.stop();
  await first.stop();
  expect(told('PAYMENTS_QUARANTINED')).toHaveLength(2);
});

describe('looks', () => {
  const disputed = (subject: string): Finding => ({
    code: 'DISPUTE_NEEDS_RESPONSE',
    subject,
    message: `Dispute ${subject}.`,
    remedy: 'Answer.',
  });
  const lines: string[] = [];
  const log = {
    info: (_: object, message: string) => void lines.push(message),
    warn: (_: object, message: string) => void lines.push(message),
  };
  const watch = (findings: () => Promise<readonly Finding[]>) =>
    createProblemWatch({ database, findings, timing: AT_ONCE, log });

  test('tell what is about different subjects apart, a message that changes not again, and each in the log', async () => {
    let found = [disputed('1'), disputed('2')];
    const look = watch(async () => found);
    await look();
    found = [{ ...disputed('2'), message: 'Dispute 2, still.' }, disputed('3')];
    await look();
    found = [];
    await look();
    expect(lines).toEqual([
      'problem: Dispute 1.',
      'problem: Dispute 2.',
      'problem: Dispute 3.',
      'problem over: Dispute 1.',
      'problem over: Dispute 2, still.',
      'problem over: Dispute 3.',
    ]);
    const { rows } = await bed.sql.query(
      `select node_id, version from tollgate.outgoing_delivery where snapshot->'problem'->>'code' = 'DISPUTE_NEEDS_RESPONSE' order by id`,
    );
    expect(rows.map(({ version }) => version)).toEqual([1, 1, 1, 2, 2, 2]);
    expect(new Set(rows.map(({ node_id }) => node_id)).size).toBe(3);
  });

  test('at once are one; one that comes late, when the next was begun, writes nothing', async () => {
    lines.length = 0;
    let answer: ((findings: readonly Finding[]) => void) | undefined;
    const late = watch(
      () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    );
    const looking = late();
    await until(() => answer !== undefined, 'it looks');
    let asked = 0;
    await watch(async () => {
      asked += 1;
      return [];
    })();
    expect(asked).toBe(0);
    // as if it had died with it
    await bed.sql.query(
      `update tollgate.setting set value = value || '{"nextAt": "2020-01-01T00:00:00Z"}' where key = 'problems'`,
    );
    await watch(async () => [disputed('4')])();
    answer?.([]);
    await looking;
    expect(lines).toEqual(['problem: Dispute 4.']);
    expect((await readOpenProblems(database)).map(({ subject }) => subject)).toEqual(['4']);
    const asking = Array.from({ length: 5 }, () => watch(async () => [disputed('5')])());
    await Promise.all(asking);
    expect(lines.filter((line) => line === 'problem: Dispute 5.')).toHaveLength(1);
  });
});
