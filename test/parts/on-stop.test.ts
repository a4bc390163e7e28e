import { expect, test } from 'vitest';
import { createStops } from '../../src/parts/on-stop.js';

const LIMITS = { wholeMs: 300, stepMs: 100 };
const never = (): Promise<never> => new Promise(() => undefined);

test('every step is run, the last one first, whatever becomes of the others', async () => {
  const stops = createStops(LIMITS);
  const ran: string[] = [];
  stops.onStop(async () => ran.push('database'));
  stops.onStop(() => Promise.reject(new Error('broken')));
  stops.onStop(() => {
    throw new Error('broken at once');
  });
  stops.onStop(never);
  stops.onStop(async () => ran.push('server'));
  await expect(stops.run()).rejects.toMatchObject({
    errors: [expect.any(Error), expect.any(Error), expect.any(Error)],
  });
  expect(ran).toEqual(['server', 'database']);
  await stops.run();
  expect(ran).toHaveLength(2);
});

test('steps that hang end within the whole time, however many they are', async () => {
  const stops = createStops(LIMITS);
  let isDatabaseStopped = false;
  stops.onStop(async () => {
    isDatabaseStopped = true;
  });
  for (let step = 0; step < 20; step += 1) stops.onStop(never);
  const startedAt = performance.now();
  await expect(stops.run()).rejects.toThrow('Some parts did not stop');
  expect(performance.now() - startedAt).toBeLessThan(2_000);
  expect(isDatabaseStopped).toBe(true);
});
