import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createTollgateClient } from '../../client/src/index.js';
import { methodsStore } from '../../client/src/stores.js';

/** The reads that wait for an answer, the oldest first. */
const asked: ServerResponse[] = [];
const server = createServer((request, response) => {
  request.resume().on('end', () => asked.push(response));
});
let client: ReturnType<typeof createTollgateClient>;
beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  client = createTollgateClient({ url: `http://127.0.0.1:${port}/graphql`, token: async () => undefined });
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

/** Answers the read that came as this one with methods of these ids. */
const answer = async (index: number, ...ids: string[]): Promise<void> => {
  await vi.waitFor(() => expect(asked.length).toBeGreaterThan(index));
  const data = { savedPaymentMethods: ids.map((id) => ({ id })) };
  asked[index]?.setHeader('content-type', 'application/json').end(JSON.stringify({ data }));
};
const seen = (store: ReturnType<typeof methodsStore>) => store.get().value?.map(({ id }) => id);

test('saved methods are read again for a listener that comes back, however soon; an older answer never replaces a newer one', async () => {
  const store = methodsStore(client);
  const leave = store.subscribe(() => undefined);
  leave();
  const leaveToo = store.subscribe(() => undefined); // as in React's StrictMode: what is being read isn't asked for again
  await answer(0, 'pm_first');
  await vi.waitFor(() => expect(seen(store)).toEqual(['pm_first']));
  expect(asked).toHaveLength(1);

  leaveToo();
  const shown: unknown[] = [];
  const end = store.subscribe(() => shown.push(seen(store)));
  expect(seen(store)).toEqual(['pm_first']); // what was known stays in view
  const reloaded = store.reload();
  await answer(2, 'pm_first', 'pm_kept');
  await reloaded;
  await answer(1, 'pm_first');
  const last = store.reload();
  await answer(3, 'pm_kept');
  await last;
  expect(shown).toEqual([['pm_first', 'pm_kept'], ['pm_kept']]);
  expect(asked).toHaveLength(4);
  end();
});
