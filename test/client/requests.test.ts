import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { continuePayment, createTollgateClient, type Document, refund, viewer } from '../../client/src/index.js';

const seen: { readonly query: string }[] = [];
let lost = 0;
/** Takes each request, and loses the answers to the first ones: the client can't tell whether it was done. */
const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (text: string) => {
    body += text;
  });
  request.on('end', () => {
    seen.push(JSON.parse(body) as { query: string });
    if (seen.length <= lost) return request.socket.destroy();
    const data = { viewer: {}, refund: { refund: {} }, continuePayment: {} };
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ data }));
  });
});
let client: ReturnType<typeof createTollgateClient>;
beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  client = createTollgateClient({ url: `http://127.0.0.1:${port}/graphql`, token: async () => undefined });
});
beforeEach(() => {
  seen.length = 0;
  lost = 1;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

const OWN =
  'mutation Give($id: ID!, $input: Given) { refund(input: { paymentId: $id, refundAmount: 1 }) { refund { id } } }';
const own = OWN as Document<object, { id: string } | { id: string; input: object }>;

test('what only reads, and what carries a key, is sent again after its answer was lost, the same to the letter', async () => {
  await viewer(client);
  expect(seen).toHaveLength(2);
  seen.length = 0;
  await refund(client, { paymentId: '1', refundAmount: 1 });
  expect(seen).toHaveLength(2);
  expect(seen[1]).toEqual(seen[0]);
  seen.length = 0;
  await client.request(own, { id: '1', input: { idempotencyKey: 'mine' } });
  expect(seen).toHaveLength(2);
});

test('what is said to do nothing again is sent again too', async () => {
  await continuePayment(client, '1');
  expect(seen).toHaveLength(2);
});

test("an app's own mutation without a key is sent once: it may have been done", async () => {
  await expect(client.request(own, { id: '1' })).rejects.toMatchObject({ code: 'UNREACHABLE' });
  expect(seen).toHaveLength(1);
});
