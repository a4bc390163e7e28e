import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSlots, NoSlotError } from '../../src/core/slots.js';

const PATIENT = 60_000;

/** Works that end when told, and what is under way. */
const createWorks = (limit: number, perLane: number) => {
  const slots = createSlots(limit, perLane);
  const running: { about: string; end: () => void }[] = [];
  const begun: string[] = [];
  return {
    running,
    begun,
    ask(about: string, patienceMs = PATIENT): Promise<void> {
      const asked = slots.run(
        () =>
          new Promise<void>((resolve) => {
            begun.push(about);
            const work = { about, end: resolve };
            running.push(work);
          }),
        { about, patienceMs },
      );
      // A test that has failed waits for it no more.
      asked.catch(() => undefined);
      return asked;
    },
    async end(place: number) {
      const [work] = running.splice(place % running.length, 1);
      work?.end();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
};

test('at any time few run about one thing, no slot rests while another waits, and all have their turn', async () => {
  const asked = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 3 }),
      asked,
      async (limit, perLane, all) => {
        const works = createWorks(limit, perLane);
        const ends = all.map((about) => works.ask(about));
        const left = new Map<string, number>();
        for (const about of all) left.set(about, (left.get(about) ?? 0) + 1);
        await new Promise((resolve) => setImmediate(resolve));
        for (let place = 0; works.running.length > 0; place += 1) {
          const count = (about: string) => works.running.filter((work) => work.about === about).length;
          for (const about of left.keys()) expect(count(about)).toBeLessThanOrEqual(perLane);
          const could = [...left].reduce((sum, [, works]) => sum + Math.min(works, perLane), 0);
          expect(works.running.length).toBe(Math.min(limit, could));
          const about = works.running[place % works.running.length]?.about ?? '';
          left.set(about, (left.get(about) ?? 0) - 1);
          await works.end(place);
        }
        await Promise.all(ends);
        expect([...works.begun].sort()).toEqual([...all].sort());
      },
    ),
  );
});

test('of those that wait, one of each thing goes in turn', async () => {
  const works = createWorks(1, 1);
  const ends = ['a', 'a', 'a', 'a', 'b', 'b', 'c'].map((about) => works.ask(about));
  await new Promise((resolve) => setImmediate(resolve));
  while (works.running.length > 0) await works.end(0);
  await Promise.all(ends);
  expect(works.begun.join('')).toBe('aabcaba');
});

test('who waits too long is told so, begins nothing and holds no place', async () => {
  const works = createWorks(1, 1);
  const first = works.ask('a');
  await expect(works.ask('a', 1)).rejects.toBeInstanceOf(NoSlotError);
  await expect(works.ask('b', 1)).rejects.toBeInstanceOf(NoSlotError);
  const last = works.ask('b');
  await new Promise((resolve) => setImmediate(resolve));
  await works.end(0);
  await works.end(0);
  await Promise.all([first, last]);
  expect(works.begun).toEqual(['a', 'b']);
});

describe('what is asked later', () => {
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  test('counts what still runs about the same thing', async () => {
    const works = createWorks(4, 2);
    const ends = [works.ask('a'), works.ask('a')];
    await works.end(0);
    ends.push(works.ask('a'), works.ask('a'));
    await turn();
    expect(works.running).toHaveLength(2);
    while (works.running.length > 0) await works.end(0);
    await Promise.all(ends);
    expect(works.begun).toHaveLength(4);
  });

  test('counts it too where another one waited too long meanwhile, or had waited and begun', async () => {
    const works = createWorks(4, 1);
    const first = works.ask('a');
    await expect(works.ask('a', 1)).rejects.toBeInstanceOf(NoSlotError);
    const second = works.ask('a', 20);
    await turn();
    expect(works.running).toHaveLength(1);
    await works.end(0);
    await works.end(0);
    await Promise.all([first, second]);
    // The patience of the second one ends while a later one runs.
    const third = works.ask('a');
    await new Promise((resolve) => setTimeout(resolve, 40));
    const fourth = works.ask('a');
    await turn();
    expect(works.running).toHaveLength(1);
    await works.end(0);
    await works.end(0);
    await Promise.all([third, fourth]);
    expect(works.begun).toHaveLength(4);
  });
});
