import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { argumentsDoor } from '../../simulation/arguments-door.js';
import { environmentDoor, graphqlDoor, socketDoor, webhookDoor } from '../../simulation/doors.js';
import { type Coverage, type Door, fuzz } from '../../simulation/fuzz.js';
import { createRandom } from '../../simulation/random.js';

/** Falls where an input holds four characters in a row, asked for one inside the other; each condition is a place in its code. */
const createNest = () => {
  const seen = new Set<string>();
  let ran = new Set<string>();
  const door: Door = {
    async attempt(input) {
      for (const sought of ['q7', 'q7z']) {
        if (!input.includes(sought)) return undefined;
        ran.add(sought);
      }
      if (!input.includes('q7z!')) return undefined;
      throw new TypeError('planted');
    },
  };
  const take = (): Set<string> => {
    const taken = ran;
    ran = new Set();
    return taken;
  };
  const coverage: Coverage = {
    async takeNew() {
      const places = [...take()].filter((place) => !seen.has(place));
      for (const place of places) seen.add(place);
      return new Set(places);
    },
    takeAny: async (places) => [...take()].filter((place) => places.has(place)),
  };
  return { door, coverage };
};
const BLIND: Coverage = { takeNew: async () => new Set(), takeAny: async () => [] };

const MOST = 60_000;
const search = async (door: Door, coverage: Coverage): Promise<readonly string[]> => {
  const wrongs: string[] = [];
  let left = MOST;
  await fuzz({
    door,
    corpus: ['pq', '7', 'z', '!', 'a longer one, of which most comes'],
    random: createRandom(7),
    goesOn: () => {
      left -= 20;
      return left > 0 && wrongs.length === 0;
    },
    coverage,
    found: (_, wrong) => wrongs.push(wrong),
  });
  return wrongs;
};

test('what is hidden behind conditions is found by the code that is reached, and not without', async () => {
  const { door, coverage } = createNest();
  expect((await search(door, coverage))[0]).toBe('the door fell: TypeError: planted');
  expect(await search(door, BLIND)).toEqual([]);
});

/** A server with one fault, named by its path. */
const ANSWERS: Readonly<Record<string, (response: http.ServerResponse) => void>> = {
  fails: (response) => response.writeHead(500).end('{}'),
  internal: (response) => response.end('{"errors":[{"extensions":{"code":"INTERNAL"}}]}'),
  'hangs up': (response) => response.destroy(),
  'never answers': () => undefined,
  works: (response) => response.end('{"data":null}'),
};
type Socket = import('ws').WebSocket;
const answering =
  (answer: string) =>
  (socket: Socket): void => {
    socket.on('message', (message) => {
      const { id, type } = JSON.parse(String(message).replace(/^x$/, '{}')) as { id?: string; type?: string };
      if (type === 'connection_init') socket.send('{"type":"connection_ack"}');
      if (type === undefined) socket.send(answer);
      if (id !== undefined) socket.send(JSON.stringify({ type: 'complete', id }));
    });
  };
const FRAMES: Readonly<Record<string, (socket: Socket) => void>> = {
  fails: (socket) => socket.close(1011),
  internal: answering('{"type":"error","payload":[{"extensions":{"code":"INTERNAL"}}]}'),
  'never answers': () => undefined,
  works: answering('{"type":"pong"}'),
};
const faultOf = (request: http.IncomingMessage): string => decodeURIComponent(request.url?.split('/')[1] ?? '');

describe('a door that is wrong is told', () => {
  let server: http.Server;
  const urlOf = (fault: string): string =>
    `http://127.0.0.1:${(server.address() as AddressInfo).port}/${encodeURIComponent(fault)}`;
  beforeAll(async () => {
    server = http.createServer((request, response) => ANSWERS[faultOf(request)]?.(response));
    const sockets = new WebSocketServer({ server, handleProtocols: ([first]) => first ?? false });
    sockets.on('connection', (socket, request) => FRAMES[faultOf(request)]?.(socket));
    await once(server.listen(0, '127.0.0.1'), 'listening');
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const outcome = (door: Door): Promise<string | undefined> => door.attempt('x').catch((error) => `fell: ${error}`);
  const WAIT_MS = 200;
  const doors = (fault: string): Readonly<Record<string, Door>> => ({
    webhook: webhookDoor(urlOf(fault), WAIT_MS),
    graphql: graphqlDoor(urlOf(fault), 'token', WAIT_MS),
    ...(FRAMES[fault] && { socket: socketDoor(urlOf(fault), 'token', WAIT_MS) }),
  });

  test.each(Object.keys(ANSWERS).filter((fault) => fault !== 'works'))('where its server %s', async (fault) => {
    for (const [name, door] of Object.entries(doors(fault))) expect(await outcome(door), name).toBeTypeOf('string');
  });

  test('and one that works is not', async () => {
    for (const [name, door] of Object.entries(doors('works'))) expect(await outcome(door), name).toBeUndefined();
  });

  const falls = (): never => {
    throw new TypeError('planted');
  };
  test('where the environment or an argument ends in anything but words about it', async () => {
    expect(await outcome(environmentDoor({}, falls))).toContain('planted');
    const program = async (act: () => void) => {
      const command = new Command('tollgate');
      command.command('x').action(act);
      command.command('audit').action(act);
      return command;
    };
    const { env, exitCode } = process;
    expect(await argumentsDoor({}, () => program(falls)).attempt('audit')).toContain('planted');
    expect(await argumentsDoor({}, () => program(() => undefined)).attempt('audit')).toBeUndefined();
    expect(await argumentsDoor({}, () => program(falls)).attempt('--nothing')).toBeUndefined();
    // What may write files is only read.
    expect(await argumentsDoor({}, () => program(falls)).attempt('x')).toBeUndefined();
    expect(process.env).toBe(env);
    expect(process.exitCode).toBe(exitCode);
  });

  test('no command is given what no program can be: a NUL, half of a surrogate pair', async () => {
    const given: string[] = [];
    const open = async (): Promise<Command> => {
      const command = new Command();
      command.command('audit <word>').action((word: string) => void given.push(word));
      return command;
    };
    expect(await argumentsDoor({}, open).attempt('audit\na\0b\ud800c')).toBeUndefined();
    expect(given).toEqual(['ab\ufffdc']);
  });
});
