import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FlowContext, runFlow } from '../../src/flows/flows.js';
import { createDatabase, type Database } from '../../src/storage/database.js';
import { createTestDatabase, type TestDatabase } from '../harness/postgres.js';

let own: TestDatabase;
let database: Database;
beforeAll(async () => {
  own = await createTestDatabase();
  database = createDatabase({ url: own.url, poolSize: 2 });
});
afterAll(async () => {
  await database.close();
  await own.drop();
});

const run = (lines: string[], flow: (context: FlowContext) => Promise<void>): Promise<void> => {
  const log = {
    info: (_: object, message = '') => void lines.push(message),
    warn: (_: object, message = '') => void lines.push(message),
  };
  return database.transaction((tx) =>
    runFlow('payment-callback', { run: (_: object, context) => flow(context) }, {}, { tx, log, effects: new Map() }),
  );
};

test('what a flow logs is printed once its transaction has committed', async () => {
  const lines: string[] = [];
  await run(lines, async ({ log, db }) => {
    log.info({}, 'one');
    await db.query('select 1');
    log.warn({}, 'two');
    expect(lines).toEqual([]);
  });
  expect(lines).toEqual(['one', 'two']);
});

test.each([
  [
    'the flow throws',
    async ({ log }: FlowContext) => {
      log.info({}, 'paid');
      throw new Error('no');
    },
  ],
  [
    'a statement that nobody waited for fails',
    async ({ log, db }: FlowContext) => {
      log.info({}, 'paid');
      db.query('select 1 / 0').catch(() => undefined);
    },
  ],
])('nothing is printed where %s and the transaction rolls back', async (_, flow) => {
  const lines: string[] = [];
  await expect(run(lines, flow)).rejects.toThrow();
  expect(lines).toEqual([]);
});
