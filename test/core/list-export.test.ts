import { describe, expect, test } from 'vitest';
import type { Caller } from '../../src/core/caller.js';
import { anyText, aTime, defineExport, oneOf } from '../../src/core/list-export.js';
import type { PageOfBoth } from '../../src/core/page.js';

const MAY: Caller = { accountId: 'ann', roles: [], permissions: new Set(['PAYMENT_READ_ANY']) };
const MAY_NOT: Caller = { ...MAY, permissions: new Set() };

/** An export of so many rows, numbered from 1, and how it asked for them. */
const exportOf = (count: number) => {
  const asked: PageOfBoth[] = [];
  const list = async (filter: PageOfBoth) => {
    asked.push(filter);
    const from = Number(filter.after ?? 0) + (filter.skip ?? 0);
    const rows = Array.from({ length: Math.max(0, Math.min(filter.first, count - from)) }, (_, at) => ({
      id: String(from + at + 1),
      paid: true,
      inner: {},
    }));
    return { rows, hasNextPage: from + rows.length < count };
  };
  const made = defineExport<{ id: string; paid: boolean; inner: object }, object>({
    name: 'payments',
    permission: 'PAYMENT_READ_ANY',
    columns: ['id', 'paid', ['double', ({ id }) => 2 * Number(id)]],
    filters: { status: oneOf(['PAID', 'HELD']), from: aTime, text: anyText },
    list,
  });
  return { made, asked };
};
const read = async (pieces: AsyncIterable<string>): Promise<string[]> => {
  const all: string[] = [];
  for await (const piece of pieces) all.push(piece);
  return all;
};

describe('a list is exported', () => {
  test('heading first, then row by row, narrowed as asked', async () => {
    const { made, asked } = exportOf(2);
    expect(made).toMatchObject({ name: 'payments', filters: ['status', 'from', 'text'] });
    const pieces = await made.open({ status: 'PAID', from: '2026-01-31', text: 'x' }, async () => MAY);
    expect(await read(pieces)).toEqual(['id,paid,double\r\n', '1,true,2\r\n2,true,4\r\n']);
    const filter = { status: 'PAID', from: new Date('2026-01-31T00:00:00Z'), text: 'x' };
    expect(asked).toEqual([
      { ...filter, first: 1, skip: 100_000 },
      { ...filter, first: 1_000 },
    ]);
  });

  test('in pieces of a thousand rows, each after the last of the one before, whole up to 100,000', async () => {
    const { made, asked } = exportOf(100_000);
    const pieces = await read(await made.open({}, async () => MAY));
    expect(pieces).toHaveLength(101);
    expect(pieces.at(-1)?.split('\r\n').at(-2)).toBe('100000,true,200000');
    expect(asked[2]).toEqual({ first: 1_000, after: '1000' });
    await expect(exportOf(100_001).made.open({}, async () => MAY)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
  });

  test('of no row as its heading alone', async () => {
    expect(await read(await exportOf(0).made.open({}, async () => MAY))).toEqual(['id,paid,double\r\n', '']);
  });

  test('to who may, as long as they may', async () => {
    const { made } = exportOf(2_000);
    await expect(made.open({}, async () => MAY_NOT)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    let may = MAY;
    const pieces = (await made.open({}, async () => may))[Symbol.asyncIterator]();
    await pieces.next();
    await pieces.next();
    may = MAY_NOT;
    await expect(pieces.next()).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  test.each([
    [{ color: 'red' }, 'There is no filter "color". There are: status, from, text.'],
    [{ toString: 'red' }, 'There is no filter "toString"'],
    [{ status: 'LOST' }, '"status" must be one of: PAID, HELD.'],
    [{ from: 'yesterday' }, '"from" must be a time'],
    [{ from: '2026-13-01' }, '"from" must be a time'],
    [{ from: '2026' }, '"from" must be a time'],
  ])('not with %j', async (asked, words) => {
    const opened = exportOf(1).made.open(asked as Record<string, string>, async () => MAY);
    await expect(opened).rejects.toMatchObject({ code: 'BAD_USER_INPUT', message: expect.stringContaining(words) });
  });
});
