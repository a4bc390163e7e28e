import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pay } from '../../harness/payments.js';
import { openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';
import { until } from '../../outbox/until.js';

let bed: TestBed;
let server: Server;

beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start();
});
afterAll(() => bed.close());

const READ = 'query ($id: ID!) { payment(id: $id) { id version } }';

/** Statements that read single payments and wait for a lock that somebody keeps. */
const waitingReads = async (): Promise<number> => {
  const { rows } = await bed.sql.query<{ count: number }>(
    `select count(*)::int as count from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock' and query ~* '^select ("payment"|r)\\."?id'`,
  );
  return rows[0]?.count ?? 0;
};

describe('single reads', () => {
  test('of many at once take two connections, and none answers with less than was committed when it was asked', async () => {
    const ids: string[] = [];
    for (let count = 0; count < 20; count += 1) ids.push((await pay(server, await bed.createOrder())).payment.id);
    const read = (id: string) => server.request(READ, { id });
    const holder = await bed.sql.connect();
    await holder.query('begin');
    await holder.query('lock table tollgate.payment in access exclusive mode');
    const early = ids.slice(0, 2).map(read);
    await until(async () => (await waitingReads()) > 0, 'the first reads wait');
    const late = [...ids, ...ids].map(read);
    // Asked behind them, of the same server: answered once all of them were heard.
    await server.request('{ viewer { accountId } }');
    await until(async () => (await waitingReads()) === 2, 'two statements wait');
    await holder.query('update tollgate.payment set version = version + 100 where id = any($1::bigint[])', [ids]);
    await holder.query('commit');
    holder.release();
    const answers = await Promise.all([...early, ...late]);
    expect(answers.map(({ errors }) => errors)).toEqual(answers.map(() => undefined));
    const versions = answers.slice(2).map(({ data }) => (data?.['payment'] as { id: string; version: number }) ?? {});
    expect(versions.map(({ id }) => id)).toEqual([...ids, ...ids]);
    for (const { version } of versions) expect(version).toBeGreaterThan(100);
  });
});
