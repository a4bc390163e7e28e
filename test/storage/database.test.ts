import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createDatabase, type Database, type Tx } from '../../src/storage/database.js';
import { createEmptyDatabase, type TestDatabase } from '../harness/postgres.js';
import { type ClientMessage, type PostgresProxy, startPostgresProxy } from '../harness/postgres-proxy.js';

let own: TestDatabase;
let proxy: PostgresProxy;
let sql: pg.Client;
let database: Database;
beforeAll(async () => {
  own = await createEmptyDatabase();
  proxy = await startPostgresProxy(own.url);
  sql = new pg.Client({ connectionString: own.url });
  await sql.connect();
  await sql.query('create table note (text text unique)');
  database = createDatabase({ url: proxy.url, poolSize: 1 });
});
beforeEach(async () => {
  proxy.failWhere(() => false);
  await sql.query('truncate note');
});
afterAll(async () => {
  await database.close();
  await sql.end();
  await proxy.close();
  await own.drop();
});

const notes = async (): Promise<string[]> =>
  (await sql.query<{ text: string }>('select text from note order by text')).rows.map(({ text }) => text);
const note = (text: string, name?: string) => ({
  ...(name !== undefined && { name }),
  text: 'insert into note values ($1)',
  values: [text],
});
/** Whatever the statement is called, and whether it is prepared now or was before. */
const isBegin = ({ type, body }: ClientMessage): boolean =>
  (type === 'P' && /\0?begin/i.test(body)) ||
  (type === 'B' && /^[^\0]*\0begin/i.test(body)) ||
  (type === 'Q' && /^begin/i.test(body));
/** Lets what waits for a later turn go first. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const WORKS: readonly [string, (tx: Tx) => Promise<unknown>][] = [
  ['one statement', (tx) => tx.query(note('a'))],
  ['a named one', (tx) => tx.query(note('a', 'note_insert'))],
  ['two at once', (tx) => Promise.all([tx.query(note('a')), tx.query(note('b'))])],
  ['sent ones', async (tx) => ['a', 'b', 'c'].forEach((text) => void tx.send(note(text)))],
  [
    'one after another, none awaited',
    async (tx) => {
      tx.send(note('a'));
      await turn();
      tx.send(note('b'));
      await turn();
    },
  ],
  [
    'work that goes on although a statement failed',
    async (tx) => {
      await tx.query(note('a')).catch(() => undefined);
      await tx.query(note('b')).catch(() => undefined);
    },
  ],
];

describe('a transaction whose begin fails', () => {
  test.each(WORKS)('writes nothing: %s', async (_, work) => {
    await database.query({ text: 'select 1' });
    proxy.passed();
    proxy.failWhere(isBegin);
    await expect(database.transaction(work)).rejects.toThrow('already exists');
    expect(await notes()).toEqual([]);
    expect(proxy.passed().some(({ type, body }) => 'PBQ'.includes(type) && /note/.test(body))).toBe(false);
  });

  test('gives its connection up, so that the next one begins on a new one', async () => {
    await database.transaction((tx) => tx.query(note('before')));
    proxy.failWhere(isBegin);
    await expect(database.transaction((tx) => tx.query(note('a')))).rejects.toThrow('already exists');
    proxy.failWhere(() => false);
    proxy.passed();
    await database.transaction((tx) => tx.query(note('after')));
    expect(proxy.passed().map(({ type }) => type)).toContain('startup');
    expect(await notes()).toEqual(['after', 'before']);
  });
});

describe('a transaction', () => {
  test('is all or nothing, whichever statement fails', async () => {
    const failing = { text: 'insert into note select $1 where 1 / (length($1) - 1) = 1', values: ['x'] };
    for (const place of [0, 1, 2]) {
      const statements = [note('a'), note('b')];
      statements.splice(place, 0, failing);
      await expect(
        database.transaction((tx) => Promise.all(statements.map((one) => tx.query(one)))),
      ).rejects.toMatchObject({ code: '22012' });
      await expect(
        database.transaction(async (tx) => {
          for (const one of statements) await tx.query(one);
        }),
      ).rejects.toMatchObject({ code: '22012' });
    }
    expect(await notes()).toEqual([]);
  });

  test('gives each of the statements that travel together its own answer', async () => {
    const answers = await database.transaction((tx) =>
      Promise.all([
        tx.query({ text: 'select $1::bigint as "big"', values: ['7'] }),
        tx.query(note('a')),
        tx.query({ name: 'named', text: 'select text from note' }),
        tx.query({ name: 'named', text: 'select text from note' }),
        tx.query({ text: 'select 1 as "one" where false' }),
      ]),
    );
    expect(answers).toEqual([[{ big: 7 }], [], [{ text: 'a' }], [{ text: 'a' }], []]);
  });

  test('uses a statement again that was prepared before one of its companions failed', async () => {
    const good = { name: 'good', text: 'select count(*) as "count" from note' };
    const late = { name: 'late', text: 'select max(text) as "last" from note' };
    const bad = { name: 'bad', text: 'select * from not_there' };
    const attempt = (statements: { name: string; text: string }[]) =>
      database.transaction((tx) => Promise.all(statements.map((one) => tx.query(one))));
    await expect(attempt([good, bad, late])).rejects.toMatchObject({ code: '42P01' });
    expect(await attempt([late, good])).toEqual([[{ last: null }], [{ count: 0 }]]);
    await sql.query('create table not_there (id int)');
    expect(await attempt([bad, good])).toEqual([[], [{ count: 0 }]]);
    await sql.query('drop table not_there');
  });

  test('fails whole for a value that no statement can carry, and its connection goes on', async () => {
    const circular: { self?: unknown } = {};
    circular.self = circular;
    const unfit = { text: 'select $1::json', values: [circular] };
    for (const statements of [
      [unfit, note('a')],
      [note('a'), unfit, note('b')],
    ])
      await expect(database.transaction((tx) => Promise.all(statements.map((one) => tx.query(one))))).rejects.toThrow(
        'circular',
      );
    expect(await database.transaction((tx) => tx.query({ text: 'select 1 as "one"' }))).toEqual([{ one: 1 }]);
    expect(await notes()).toEqual([]);
  });

  test('takes nothing more once it has ended, however it ended', async () => {
    let kept: Tx | undefined;
    await database.transaction(async (tx) => {
      kept = tx;
      await tx.query(note('a'));
    });
    expect(() => kept?.send(note('b'))).toThrow('has ended');
    await expect(kept?.query(note('b'))).rejects.toThrow('has ended');
    await expect(
      database.transaction(async (tx) => {
        kept = tx;
        tx.send(note('c'));
        throw new Error('the work failed');
      }),
    ).rejects.toThrow('the work failed');
    await expect(kept?.query(note('d'))).rejects.toThrow('has ended');
    await turn();
    expect(await notes()).toEqual(['a']);
  });

  test('that fails while its first statements are under way runs none of those that wait', async () => {
    await expect(
      database.transaction(async (tx) => {
        tx.send(note('a'));
        await turn();
        tx.send(note('b'));
        throw new Error('the work failed');
      }),
    ).rejects.toThrow('the work failed');
    await database.query({ text: 'select 1' });
    expect(await notes()).toEqual([]);
  });

  test('may hold no statement at all', async () => {
    expect(await database.transaction(async () => 7)).toBe(7);
  });

  test('begins and sends its first statements with one Sync, and each later one with its own', async () => {
    await database.query({ text: 'select 1' });
    proxy.passed();
    await database.transaction(async (tx) => {
      tx.send(note('a'));
      await tx.query(note('b'));
      await tx.query(note('c'));
    });
    const kinds = proxy.passed().map(({ type }) => type);
    expect(kinds.filter((type) => type === 'E')).toHaveLength(5);
    expect(kinds.filter((type) => type === 'S')).toHaveLength(3);
  });
});
