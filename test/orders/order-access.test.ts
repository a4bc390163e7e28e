import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { runCheck } from '../../src/doctor/checks.js';
import { openOperator } from '../doctor/operator-parts.js';
import { ask, confirm, pay, readPayment } from '../harness/payments.js';
import { createRole, type TestRole } from '../harness/role.js';
import { openTestBed, type Server, type TestBed } from '../harness/tollgate.js';

const ADMIN = { account: 'boss', roles: ['admin'] };
const LIMITS = { firstWaitSeconds: 0.05, longestWaitSeconds: 0.2, maximumAttempts: 1_000, leaseSeconds: 60 };

/** As in many an app: a guest sees what is theirs. */
const GUESTS_ONLY = `alter table public.shop_order enable row level security;
  alter table public.shop_order force row level security;
  create policy guests on public.shop_order using (account_id = current_setting('app.guest', true))`;
const UNDONE = `drop policy if exists guests on public.shop_order; drop policy if exists open on public.shop_order; alter table public.shop_order no force row level security;
  alter table public.shop_order disable row level security`;

describe('an order that the database keeps from the server', () => {
  let bed: TestBed;
  let role: TestRole;
  let server: Server;
  beforeAll(async () => {
    bed = await openTestBed();
    role = await createRole(bed.database.url);
    await bed.sql.query(`grant usage on schema tollgate, tollgate_jobs to ${role.name};
      grant select, insert, update, delete on all tables in schema tollgate, tollgate_jobs to ${role.name};
      grant usage on all sequences in schema tollgate, tollgate_jobs to ${role.name};
      grant select, insert, update on public.shop_order to ${role.name}`);
    server = await bed.start({ environment: { DATABASE_URL: role.url }, inboxLimits: LIMITS });
  });
  afterAll(async () => {
    await server.stop();
    await role.drop();
    await bed.close();
  });

  afterEach(() => bed.sql.query(UNDONE));

  /** The messages and remedies of ORDER_UNREADABLE, as the server's role finds them. */
  const findUnreadable = async (): Promise<string[]> => {
    const parts = await openOperator({ ...bed, database: { ...bed.database, url: role.url } });
    const outcomes = await Promise.all(parts.checks.filter(({ code }) => code === 'ORDER_UNREADABLE').map(runCheck));
    await parts.close();
    return outcomes.flatMap((outcome) =>
      'findings' in outcome ? outcome.findings.map(({ message, remedy }) => `${message} ${remedy}`) : [],
    );
  };

  const eventsOf = (intent: string): Promise<{ nodes: { status: string; lastError: string | null }[] }> =>
    bed.sql
      .query<{ status: string; lastError: string | null }>(
        `select status, last_error as "lastError" from tollgate.stripe_event where object_id = $1 and type = 'payment_intent.succeeded'`,
        [intent],
      )
      .then(({ rows }) => ({ nodes: rows }));

  const untilEvent = async (intent: string, holds: (status: string) => boolean) => {
    for (;;) {
      const { nodes } = await eventsOf(intent);
      const [event] = nodes;
      if (event && holds(event.status)) return event;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };

  test.each([
    ['by a policy', GUESTS_ONLY, UNDONE],
    [
      'by a policy on updates',
      `${GUESTS_ONLY}; create policy seen on public.shop_order for select using (true)`,
      `drop policy seen on public.shop_order; ${UNDONE}`,
    ],
    [
      'by rights on columns',
      'revoke update on public.shop_order from %role',
      'grant update on public.shop_order to %role',
    ],
  ])('%s: its payment waits aloud and is applied once the row can be used', async (_, hide, show) => {
    const orderId = await bed.createOrder();
    const paid = await pay(server, orderId);
    const intent = paid.payment.stripePaymentIntentId;
    await bed.sql.query(hide.replace('%role', role.name));
    await confirm(bed, paid);
    expect(await untilEvent(intent, (status) => status !== 'RECEIVED')).toMatchObject({
      status: 'FAILED',
      lastError: expect.stringContaining('read or locked'),
    });
    expect(await readPayment(server, paid.payment.id)).toMatchObject({ status: 'PENDING' });
    const problems = await ask<{ code: string }[]>(server, '{ problems { code } }', {}, ADMIN);
    expect(problems.map(({ code }) => code)).toContain('ORDER_UNREADABLE');
    await expect(
      ask(server, 'mutation ($id: ID!) { continuePayment(input: { id: $id }) { payment { id } } }', {
        id: paid.payment.id,
      }),
    ).rejects.toMatchObject({ code: 'ORDER_UNREADABLE' });
    await bed.sql.query(show.replace('%role', role.name));
    await untilEvent(intent, (status) => status === 'PROCESSED');
    expect(await readPayment(server, paid.payment.id)).toMatchObject({ status: 'SUCCESSFUL' });
    expect(await bed.orderStatus(orderId)).toBe('paid');
  });

  test('the doctor finds as the very role what hides, locks or swallows, and says the remedy; all in order it is silent', async () => {
    await bed.createOrder();
    expect(await findUnreadable()).toEqual([]);
    const ways: readonly (readonly [string, string, RegExp])[] = [
      [GUESTS_ONLY, UNDONE, /may hide orders .*guests.* bypassrls.* create policy/],
      [
        `alter table public.shop_order enable row level security; create policy seen on public.shop_order for select using (true)`,
        `drop policy seen on public.shop_order; ${UNDONE}`,
        /may hide orders/,
      ],
      [
        'revoke update on public.shop_order from %role; grant update (amount) on public.shop_order to %role',
        'grant update on public.shop_order to %role',
        /may not update .*grant select, insert, update on public.shop_order to tollgate_role/,
      ],
      [
        'revoke select on public.shop_order from %role; grant select (id) on public.shop_order to %role',
        'grant select on public.shop_order to %role',
        /may not read .*grant select, insert, update/,
      ],
      [
        'create rule mine as on update to public.shop_order do instead nothing',
        'drop rule mine on public.shop_order',
        /rule mine .*drop rule mine/,
      ],
      [
        `create function public.swallow() returns trigger language plpgsql as $$ begin return null; end $$;
          create trigger mine before update on public.shop_order for each row execute function public.swallow()`,
        'drop trigger mine on public.shop_order; drop function public.swallow()',
        /reaches no row.* triggers/,
      ],
    ];
    for (const [done, undone, told] of ways) {
      await bed.sql.query(done.replaceAll('%role', role.name));
      expect((await findUnreadable()).join('\n'), done).toMatch(told);
      await bed.sql.query(undone.replaceAll('%role', role.name));
    }
    expect(await findUnreadable()).toEqual([]);
  });

  test.each([
    ['a policy that is open to it', `create policy open on public.shop_order to %role using (true)`],
    ['a policy that is open to its name', `create policy open on public.shop_order using (current_user = '%role')`],
    ['bypassrls', `alter role %role bypassrls`],
  ])('%s is enough', async (_, remedy) => {
    await bed.sql.query(`${GUESTS_ONLY}; ${remedy.replace('%role', role.name)}`);
    const orderId = await bed.createOrder();
    expect(await findUnreadable()).toEqual([]);
    const paid = await pay(server, orderId);
    await confirm(bed, paid);
    await untilEvent(paid.payment.stripePaymentIntentId, (status) => status === 'PROCESSED');
    expect(await bed.orderStatus(orderId)).toBe('paid');
    await bed.sql.query(`alter role ${role.name} nobypassrls`);
  });
});
