import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask, pay } from '../harness/payments.js';
import { cancel, initiate, monthlyPrice } from '../harness/recurring.js';
import { openTestBed, type Server, type TestBed } from '../harness/tollgate.js';

const OF_ORDER = `query ($orderId: ID!) {
  payments(orderId: $orderId) { edges { node { orderId } } }
  recurringPayments(orderId: $orderId) { edges { node { orderId } } }
}`;
interface Edges {
  readonly edges: readonly { readonly node: { readonly orderId: string } }[];
}

/** The orders of what both lists find by this spelling. */
const find = async (server: Server, orderId: string): Promise<string[]> => {
  const { data } = await server.request(OF_ORDER, { orderId });
  const lists = Object.values(data ?? {}) as Edges[];
  return lists.flatMap(({ edges }) => edges.map(({ node }) => node.orderId));
};

/** The first payment that a stream of this spelling shows, beginning before there is any. */
const watchFirst = (server: Server, orderId: string) => {
  const watch = server.watch('subscription ($orderId: ID!) { orderPaymentsUpdated(orderId: $orderId) { orderId } }', {
    orderId,
  });
  return { next: () => watch.next(3_000), stop: () => watch.stop() };
};

/** Whatever spelling is used, it is the same order everywhere. */
const isOneOrder = async (bed: TestBed, server: Server, id: string, spelled: string): Promise<void> => {
  const watch = watchFirst(server, spelled);
  const [seen, paid] = await Promise.all([watch.next(), pay(server, spelled)]);
  await watch.stop();
  expect(seen['orderId']).toBe(id);
  expect(paid.payment.orderId).toBe(id);
  expect((await pay(server, id)).payment.id).toBe(paid.payment.id);
  expect(await find(server, spelled)).toEqual([id]);
  const cancelPayment = 'mutation ($id: ID!) { cancelPayment(input: { id: $id }) { payment { status } } }';
  await ask(server, cancelPayment, { id: paid.payment.id });
  const { recurringPayment } = await initiate(server, spelled, await monthlyPrice(bed));
  expect(recurringPayment.orderId).toBe(id);
  expect(new Set(await find(server, spelled))).toEqual(new Set([id]));
  expect((await cancel(server, { orderId: spelled })).id).toBe(recurringPayment.id);
};

const isNoOrder = async (server: Server, spelled: string): Promise<void> => {
  await expect(pay(server, spelled)).rejects.toMatchObject({ code: 'ORDER_NOT_FOUND' });
  await expect(initiate(server, spelled, 'price_x')).rejects.toMatchObject({ code: 'ORDER_NOT_FOUND' });
  await expect(cancel(server, { orderId: spelled })).rejects.toMatchObject({ code: 'ORDER_NOT_FOUND' });
  expect(await find(server, spelled)).toEqual([]);
  const watch = watchFirst(server, spelled);
  await expect(watch.next()).rejects.toMatchObject({ errors: [{ extensions: { code: 'ORDER_NOT_FOUND' } }] });
  await watch.stop();
};

describe('an order key that is a number', () => {
  let bed: TestBed;
  let server: Server;
  beforeAll(async () => {
    bed = await openTestBed();
    server = await bed.start();
  });
  afterAll(() => bed.close());

  test('with zeros before it is the same order to every field', async () => {
    for (const zeros of ['0', '00000000000000000000']) {
      const id = await bed.createOrder();
      await isOneOrder(bed, server, id, `${zeros}${id}`);
    }
  });

  test('below zero is a key as any other', async () => {
    await bed.sql.query(`insert into public.shop_order (id, account_id, amount, currency) overriding system value
      values (-7, 'customer', 10000, 'USD')`);
    await isOneOrder(bed, server, '-7', '-07');
  });

  test('written in any other way is no order to any field', async () => {
    const id = await bed.createOrder();
    const others = [
      `+${id}`,
      ` ${id}`,
      `${id} `,
      `${id}.0`,
      `${id}e0`,
      `0x${id}`,
      `${id}\n`,
      '--1',
      '',
      '٣',
      `1${'0'.repeat(50)}`,
    ];
    for (const spelled of others) await isNoOrder(server, spelled);
  });
});

describe('an order key that is a uuid', () => {
  let bed: TestBed;
  let server: Server;
  beforeAll(async () => {
    bed = await openTestBed({
      schema: `create table public.booking (id uuid primary key, account_id text not null, amount bigint, currency text)`,
      binding: {
        orderTable: 'public.booking',
        idColumn: 'id',
        ownerColumn: 'account_id',
        amountColumn: 'amount',
        currencyColumn: 'currency',
      },
    });
    server = await bed.start();
  });
  afterAll(() => bed.close());

  test('in capitals is the same order to every field', async () => {
    const id = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11';
    await bed.sql.query(`insert into public.booking values ($1, 'customer', 10000, 'USD')`, [id]);
    await isOneOrder(bed, server, id, id.toUpperCase());
  });

  test('written in any other way is no order to any field', async () => {
    const id = 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11';
    await bed.sql.query(`insert into public.booking values ($1, 'customer', 10000, 'USD')`, [id]);
    for (const spelled of [`{${id}}`, id.replaceAll('-', ''), `urn:uuid:${id}`, '1']) await isNoOrder(server, spelled);
  });
});

describe.each([
  ['text', 'text'],
  ['varchar with a collation of its own', 'varchar(30) collate "C"'],
])('an order key that is %s', (_, type) => {
  const CUID = 'ckQZ9x0002l708J1ée3f';
  let bed: TestBed;
  let server: Server;
  beforeAll(async () => {
    bed = await openTestBed({
      schema: `create table public.booking (id ${type} unique not null, account_id text not null, amount bigint, currency text, no serial primary key)`,
      binding: {
        orderTable: 'public.booking',
        idColumn: 'id',
        ownerColumn: 'account_id',
        amountColumn: 'amount',
        currencyColumn: 'currency',
      },
    });
    server = await bed.start();
    await bed.sql.query(`insert into public.booking values ($1, 'customer', 10000, 'USD')`, [CUID]);
  });
  afterAll(() => bed.close());

  test('is found to the letter by every field', () => isOneOrder(bed, server, CUID, CUID));

  test('written in any other way is no order to any field', async () => {
    const { length } = CUID;
    for (const spelled of [CUID.toLowerCase(), ` ${CUID}`, `${CUID} `, CUID.slice(0, length - 1), 'x'.repeat(300), ''])
      await isNoOrder(server, spelled);
  });
});
