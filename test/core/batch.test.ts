import { expect, test } from 'vitest';
import { createBatch } from '../../src/core/batch.js';

/** Loads that end when told. */
const createLoads = (options?: { atOnce: number }) => {
  const loads: { keys: readonly number[]; end: (values?: readonly number[]) => void }[] = [];
  const ask = createBatch<number, number>(
    (keys) =>
      new Promise((resolve) => loads.push({ keys, end: (values) => resolve(values ?? keys.map((key) => 10 * key)) })),
    options,
  );
  return { loads, ask };
};
/** What became of a question, also where nobody waits for it any more. */
const outcome = (answer: Promise<number>): Promise<number | string> => answer.catch(({ message }: Error) => message);
const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

test('what is asked in one moment is loaded together, and each question gets its own answer', async () => {
  const { loads, ask } = createLoads();
  // Also what some promise jobs of the same turn lie between.
  const jobs = async (count: number): Promise<void> => {
    for (let job = 0; job < count; job += 1) await Promise.resolve();
  };
  const answers = Promise.all([ask(1), ask(2), jobs(20).then(() => ask(1))].map(outcome));
  await turns();
  expect(loads.map(({ keys }) => keys)).toEqual([[1, 2, 1]]);
  // Nothing is kept: what is asked later is loaded anew.
  const later = outcome(ask(1));
  await turns();
  expect(loads.map(({ keys }) => keys)).toEqual([[1, 2, 1], [1]]);
  for (const { end } of loads) end();
  expect([await answers, await later]).toEqual([[10, 20, 10], 10]);
});

test('while as many loads are under way as may be, questions wait for the next one', async () => {
  const { loads, ask } = createLoads({ atOnce: 1 });
  const first = outcome(ask(1));
  await turns();
  const [second, third] = [ask(2), ask(3)].map(outcome);
  await turns();
  expect(loads).toHaveLength(1);
  loads[0]?.end();
  await turns();
  expect(loads.map(({ keys }) => keys)).toEqual([[1], [2, 3]]);
  const fourth = outcome(ask(4));
  await turns();
  expect(loads).toHaveLength(2);
  loads[1]?.end();
  await turns();
  loads[2]?.end();
  expect(await Promise.all([first, second, third, fourth])).toEqual([10, 20, 30, 40]);
  const fifth = outcome(ask(5));
  await turns();
  loads[3]?.end();
  expect(await fifth).toBe(50);
});

test('a load that fails, or gives too little, fails its own questions alone', async () => {
  const { loads, ask } = createLoads();
  const short = Promise.all([ask(1), ask(2)].map(outcome));
  await turns();
  loads[0]?.end([10]);
  const said = 'A batch must give one value per key.';
  expect(await short).toEqual([said, said]);
  const well = outcome(ask(3));
  await turns();
  loads[1]?.end();
  expect(await well).toBe(30);
});
