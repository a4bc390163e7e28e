import { expect, test } from 'vitest';
import { createBoardMemory, createWorkBoard, type Work } from '../../src/core/work-board.js';

const work = (name: string): Work => ({ sort: 'flow', name, subject: 'order 7' });
const openBoard = () => {
  const memory = createBoardMemory();
  const [board, reader] = [createWorkBoard(memory), createWorkBoard(memory)];
  return { board, reader, names: () => reader.read().map(({ name }) => name) };
};

test('what runs is read over the same memory, the last to go on first, until it ends', () => {
  const { board, reader, names } = openBoard();
  expect(reader.read()).toEqual([]);
  const [a] = ['a', 'b', 'c'].map((name) => board.begin(work(name)));
  expect(reader.read()[0]).toEqual(work('c'));
  a?.resume();
  expect(names()).toEqual(['a', 'c', 'b']);
  a?.end();
  a?.end();
  a?.resume();
  expect(names()).toEqual(['c', 'b']);
});

test('of more at once than there is room for, the one that rested longest is forgotten, and its end ends no other', () => {
  const { board, names } = openBoard();
  const marks = Array.from({ length: 48 }, (_, at) => board.begin(work(String(at))));
  expect(names()).toHaveLength(48);
  board.begin(work('one more'));
  expect(names()).toHaveLength(48);
  expect(names()).not.toContain('0');
  marks[0]?.resume();
  marks[0]?.end();
  expect(names()[0]).toBe('one more');
  marks[1]?.end();
  board.begin(work('next'));
  expect(names()).toContain('2');
});

test('an event that is too large for it is left out, and one that just fits isn’t', () => {
  const { board, reader } = openBoard();
  const room = 64 * 1024 - Buffer.byteLength(JSON.stringify({ ...work('a'), event: { id: '' } }));
  board.begin({ ...work('a'), event: { id: 'x'.repeat(room) } });
  expect(reader.read()[0]?.event).toBeDefined();
  board.begin({ ...work('b'), event: { id: 'x'.repeat(room + 1) } });
  expect(reader.read()[0]).toEqual(work('b'));
});

test('a sign of life is counted', () => {
  const { board, reader } = openBoard();
  board.begin(work('a')).end();
  expect(reader.beats()).toBe(0);
  board.beat();
  board.beat();
  expect([reader.beats(), reader.read()]).toEqual([2, []]);
});
