import fs from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Doors, openDoors } from '../../simulation/doors.js';
import { type Lab, openLab } from '../../simulation/lab.js';

const SEEDS = new URL('seeds/', import.meta.url);

let lab: Lab;
let opened: Doors;
beforeAll(async () => {
  lab = await openLab();
  opened = await openDoors(lab);
});
afterAll(async () => {
  await opened.close();
  await lab.close();
});

test('each door has its seeds', () => {
  expect(fs.readdirSync(SEEDS).sort()).toEqual(Object.keys(opened.doors).sort());
});

test.each(
  fs.readdirSync(SEEDS),
)('nothing that was kept for the door %s is answered INTERNAL, or breaks it', async (name) => {
  const folder = new URL(`${name}/`, SEEDS);
  const inputs = fs.readdirSync(folder).map((file) => fs.readFileSync(new URL(file, folder), 'utf8'));
  expect(inputs).not.toEqual([]);
  for (const input of inputs) expect(await opened.doors[name]?.attempt(input), input).toBeUndefined();
});
