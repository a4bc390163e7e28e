import { once } from 'node:events';
import net from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { listenOnFree } from '../../src/embedded/ports.js';

const listeners: net.Server[] = [];
afterEach(() => {
  for (const listener of listeners.splice(0)) listener.close();
});

const listenOn =
  (host: string) =>
  async (port: number): Promise<number> => {
    const listener = net.createServer();
    listeners.push(listener);
    await once(listener.listen(port, host), 'listening');
    return (listener.address() as net.AddressInfo).port;
  };

test('a port that is taken is passed over, unless it was asked for by name', async () => {
  const number = await listenOn('127.0.0.1')(0);
  expect(await listenOnFree({ number, fixed: false }, 'PORT', listenOn('127.0.0.1'))).toBeGreaterThan(number);
  await expect(listenOnFree({ number, fixed: true }, 'PORT', listenOn('127.0.0.1'))).rejects.toThrow(
    `PORT is ${number}, which is taken.`,
  );
});

test('an address of another machine is told by the name of its variable', async () => {
  await expect(listenOnFree({ number: 0, fixed: true }, 'PORT', listenOn('203.0.113.7'))).rejects.toThrow(
    'HOST is no address of this machine.',
  );
});
