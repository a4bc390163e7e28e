import { afterAll, beforeAll, expect, test } from 'vitest';
import { NOUNS } from '../../../src/nouns.js';
import { buildNouns, eventTypesOf } from '../../../src/parts/nouns.js';
import { deliver, eventOf } from '../../harness/signed-event.js';
import { openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';
import { coupons } from './noun.js';

let bed: TestBed;
let server: Server;

beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start({ nouns: [...NOUNS, coupons] });
});
afterAll(() => bed.close());

test('a noun in its own folder needs one place in the list: its events, fields and jobs are there', async () => {
  expect(eventTypesOf([...NOUNS, coupons])).toContain('coupon.created');
  const told = await deliver(server, JSON.stringify(eventOf('coupon.created', { object: 'coupon', id: 'co_1' })));
  expect(told.status).toBe(200);
  await expect
    .poll(async () => (await server.request('{ coupons }')).data)
    .toEqual({ coupons: expect.arrayContaining(['co_1', 'a job ran']) });
});

test('the other nouns are as they were', async () => {
  expect((await server.request('{ payments { edges { cursor } } }')).data).toEqual({ payments: { edges: [] } });
});

test('a noun that lists an event which it does not apply, or the other way round, is refused', () => {
  const build = (noun: typeof coupons) => () => buildNouns([noun], {} as Parameters<typeof buildNouns>[1]);
  expect(build({ ...coupons, eventTypes: ['coupon.created', 'coupon.updated'] })).toThrow('coupon.updated');
  expect(build({ ...coupons, eventTypes: [] })).toThrow('coupon.created');
});

test('a noun that uses one behind it in the list is refused by name', () => {
  const eager = {
    ...coupons,
    name: 'eager',
    build: (machine: Parameters<typeof coupons.build>[0]) =>
      coupons.build({ ...machine, ...{ seen: machine.use(coupons) } }),
  };
  expect(() => buildNouns([eager, coupons], {} as Parameters<typeof buildNouns>[1])).toThrow('"coupons" must stand');
});
