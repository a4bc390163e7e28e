import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCommand } from '../cli/command.js';
import { ask, confirmUntil, pay } from '../harness/payments.js';
import { refund } from '../harness/refunds.js';
import { openTestBed, type Server, type TestBed } from '../harness/tollgate.js';
import { until } from '../outbox/until.js';

const NAME = 'zoe.peculiar@people.example';
const ADMIN = { account: 'admin', roles: ['admin'] };
const SECRETS = ['zoe.peculiar', 'a very secret gift', 'Rosebud Lane', 'she changed her mind', 'zoes-own-key'];
const KEY = Buffer.alloc(32, 3).toString('base64');

let bed: TestBed;
let server: Server;
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start({ environment: { TOLLGATE_OUTGOING_HOSTS: 'localhost', TOLLGATE_ENCRYPTION_KEY: KEY } });
});
afterAll(() => bed.close());

const command = async (...words: string[]) => {
  const ended = await runCommand(['account', ...words], bed.environment as Record<string, string>);
  return { ...ended, data: ended.stdout.startsWith('{') ? JSON.parse(ended.stdout) : undefined };
};

/** Every table of ours, as text. */
const dump = async (): Promise<string> => {
  const { rows } = await bed.sql.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'tollgate'`,
  );
  const tables = await Promise.all(
    rows.map(async ({ name }) => (await bed.sql.query(`select to_jsonb(t)::text as row from ${name} t`)).rows),
  );
  return JSON.stringify(tables);
};

const paid = async (account: string) => {
  const order = await bed.createOrder({ account });
  const metadata = { address: 'Rosebud Lane 3' };
  const answer = await pay(
    server,
    order,
    { description: 'a very secret gift', metadata, receiptEmail: NAME, idempotencyKey: 'zoes-own-key' },
    { account },
  );
  await confirmUntil(bed, server, answer, { as: account });
  await refund(server, answer.payment.id, 4_000, { reason: 'she changed her mind' }, ADMIN);
  await until(async () => {
    const { rows } = await bed.sql.query(`select 1 from tollgate.payment where id = $1 and amount_refunded = 4000`, [
      answer.payment.id,
    ]);
    return rows.length === 1;
  }, 'it is refunded');
  await until(async () => {
    const { rows } = await bed.sql.query(`select 1 from tollgate.stripe_event where status in ('RECEIVED', 'FAILED')`);
    return rows.length === 0;
  }, 'no event waits');
  return answer.payment;
};

describe('an account', () => {
  let id: string;
  beforeAll(async () => {
    await ask(
      server,
      `mutation ($url: String!) { createOutgoingWebhook(input: { url: $url, eventTypes: ["payment.updated", "refund.updated"] }) { secret } }`,
      { url: 'http://localhost:9/hook' },
      ADMIN,
    );
    id = (await paid(NAME)).id;
    await bed.sql.query(`insert into tollgate.account_role (account_id, role) values ($1, 'admin')`, [NAME]);
  });

  test('is exported with all that is kept of it, and nothing of another', async () => {
    await paid('somebody-else');
    const { code, data } = await command('export', NAME);
    expect(code).toBe(0);
    expect(data.payments).toEqual([
      expect.objectContaining({ id: Number(id), account_id: NAME, amount_refunded: 4_000 }),
    ]);
    expect(data.refunds).toHaveLength(1);
    expect(data.roles).toHaveLength(1);
    expect(data.requests.length).toBeGreaterThan(0);
    expect(data.events.map(({ type }: { type: string }) => type)).toContain('payment_intent.succeeded');
    expect(data.timeline.length).toBeGreaterThan(2);
    expect(data.outgoingDeliveries.length).toBeGreaterThan(1);
    for (const secret of SECRETS) expect(JSON.stringify(data)).toContain(secret);
    expect(JSON.stringify(data)).not.toContain('somebody-else');
  });

  test('is not erased while a recurring payment lives, or without a word that it is meant', async () => {
    const order = await bed.createOrder({ account: NAME });
    await bed.sql.query(
      `insert into tollgate.recurring_payment (order_id, account_id, price_id, initial_amount, currency, livemode, stripe_account, status)
        values ($1, $2, 'price_1', 500, 'USD', false, 'acct_1', 'ACTIVE')`,
      [order, NAME],
    );
    const before = await dump();
    expect(await command('erase', NAME)).toMatchObject({ code: 1, stderr: expect.stringContaining('--yes') });
    expect(await command('erase', NAME, '--yes')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('goes on'),
    });
    expect(JSON.parse(await dump()).flat().length).toBe(JSON.parse(before).flat().length);
    await bed.sql.query(`update tollgate.recurring_payment set status = 'CANCELED'`);
  });

  test('is unrecognisable once it is erased: sums, Stripe’s ids and states stay; twice is once, and the audit has no name', async () => {
    const read = async () =>
      (
        await bed.sql.query(
          `select status, amount_received, amount_refunded, stripe_payment_intent_id, version from tollgate.payment where id = $1`,
          [id],
        )
      ).rows;
    const before = await read();
    const other = await bed.sql.query(
      `select to_jsonb(p) as row from tollgate.payment p where account_id = 'somebody-else'`,
    );
    const { code, data, stderr } = await command('erase', NAME, '--yes', '--json');
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(data.erasedAs).toMatch(/^erased-[0-9a-f-]{36}$/);
    const left = await bed.sql.query(
      `select to_jsonb(p) as row from tollgate.payment p where account_id = 'somebody-else'`,
    );
    expect(left.rows).toEqual(other.rows);
    // The other's own words are the same.
    await command('erase', 'somebody-else', '--yes');
    const text = await dump();
    for (const secret of SECRETS) expect(text.split('{"row"').filter((row) => row.includes(secret))).toEqual([]);
    expect(await read()).toEqual(before);

    expect(await command('erase', NAME, '--yes', '--json')).toMatchObject({ code: 0, data: { erasedAs: null } });
    const { rows } = await bed.sql.query(
      `select actor, detail from tollgate.audit where action = 'ACCOUNT_ERASED' order by id`,
    );
    expect(rows).toHaveLength(2);
    expect(rows[0]).toMatchObject({
      actor: 'operator',
      detail: { erasedAs: data.erasedAs, rows: { payments: 1, refunds: 1 } },
    });
    expect((await command('export', data.erasedAs)).data.payments).toHaveLength(1);
  });

  test('can be written over by nothing else than an erasure', async () => {
    for (const value of [`'mallory'`, 'null', `''`])
      await expect(bed.sql.query(`update tollgate.payment set account_id = ${value}`)).rejects.toThrow('is refused');
    await expect(bed.sql.query(`update tollgate.change set actor = 'mallory'`)).rejects.toThrow('is refused');
    await expect(bed.sql.query(`update tollgate.change set note = 'other'`)).rejects.toThrow('is refused');
  });
});
