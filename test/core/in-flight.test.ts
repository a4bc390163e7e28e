import { expect, test } from 'vitest';
import { createInFlight } from '../../src/core/in-flight.js';

test('a work is done once at a time for each key, and anew once it has ended, well or badly', async () => {
  const inFlight = createInFlight<number>();
  const ends: (() => void)[] = [];
  let begun = 0;
  const work = (): Promise<number> => {
    begun += 1;
    const number = begun;
    return new Promise((resolve, reject) =>
      ends.push(() => (number === 2 ? reject(new Error('two')) : resolve(number))),
    );
  };
  const [first, same, other] = [inFlight('a', work), inFlight('a', work), inFlight('b', work)];
  const failed = other.catch((error: Error) => error.message);
  expect(begun).toBe(2);
  for (const end of ends) end();
  expect(await Promise.all([first, same, failed])).toEqual([1, 1, 'two']);
  const again = inFlight('b', work);
  expect(begun).toBe(3);
  ends.at(-1)?.();
  expect(await again).toBe(3);
});
