import { expect, test } from 'vitest';
import { createRowStream, type Sink } from '../../client/src/row-stream.js';

interface Row {
  readonly id: string;
  readonly version: number;
}

/** A stream with its sink in the test's hands. */
const open = () => {
  const held: { sink?: Sink<Row>; stopped: number } = { stopped: 0 };
  const stream = createRowStream<Row>((sink) => {
    held.sink = sink;
    return () => {
      held.stopped += 1;
    };
  });
  const { sink } = held;
  if (!sink) throw new Error('the stream did not start');
  return { stream, sink, held };
};

test('versions of a row only rise, whatever a new connection repeats', async () => {
  const { stream, sink } = open();
  const seen: number[] = [];
  const read = (async () => {
    for await (const { version } of stream) seen.push(version);
  })();
  for (const version of [1, 2, 2, 1, 3]) {
    sink.row({ id: '7', version });
    await new Promise(setImmediate);
  }
  sink.end();
  await read;
  expect(seen).toEqual([1, 2, 3]);
});

test('a slow reader gets the newest version of each row, and the error after the rows', async () => {
  const { stream, sink } = open();
  for (let version = 1; version <= 100; version += 1) sink.row({ id: '7', version });
  sink.row({ id: '8', version: 1 });
  sink.end(new Error('over'));
  expect(await stream.next()).toEqual({ done: false, value: { id: '7', version: 100 } });
  expect(await stream.next()).toEqual({ done: false, value: { id: '8', version: 1 } });
  await expect(stream.next()).rejects.toThrow('over');
  expect(await stream.next()).toEqual({ done: true, value: undefined });
});

test('leaving it frees the subscription at once, also while a reader waits', async () => {
  const { stream, sink, held } = open();
  const waiting = stream.next();
  await stream.return?.();
  expect(held.stopped).toBe(1);
  expect(await waiting).toEqual({ done: true, value: undefined });
  sink.row({ id: '7', version: 1 });
  expect(await stream.next()).toEqual({ done: true, value: undefined });
});
