// Your back end takes goods back: it refunds an order as itself, with a token that it signs, and answers when the bank has.
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { SignJWT } from 'jose';
import { createTollgate, TollgateError } from 'tollgate-client';
import WebSocket from 'ws';

const { JWT_SECRET, RETURNS_KEY, TOLLGATE_URL, PORT = '4020' } = process.env;
if (!JWT_SECRET || !RETURNS_KEY || !TOLLGATE_URL) throw new Error('Set JWT_SECRET, RETURNS_KEY and TOLLGATE_URL.');

/** Of a few minutes only: the client asks for another one before it ends. */
const token = () =>
  new SignJWT({ sub: 'service:returns' })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('5m')
    .sign(new TextEncoder().encode(JWT_SECRET));

// Node 20 has no WebSocket of its own.
const tollgate = createTollgate({ url: TOLLGATE_URL, token, webSocket: WebSocket });

const LAST = ['REFUNDED', 'FAILED', 'CANCELED'];

/** Waits until each refund of a payment has ended. */
const refundsOf = async (paymentId) => {
  const { nodes } = await tollgate.refunds({ paymentId });
  const rows = new Map(nodes.map((refund) => [refund.id, refund]));
  const haveEnded = () => [...rows.values()].every(({ status }) => LAST.includes(status));
  if (!haveEnded())
    for await (const refund of tollgate.watchRefunds(paymentId)) {
      rows.set(refund.id, refund);
      if (haveEnded()) break; // leaving the loop ends the subscription
    }
  return [...rows.values()].map(({ id, amount, currency, status }) => ({ id, amount, currency, status }));
};

/** Sends back what is left of an order's money. Twice, or after an answer that was lost, it sends nothing more. */
const takeBack = async (orderId) => {
  const { nodes } = await tollgate.payments({ orderId, status: 'SUCCESSFUL' });
  for (const { id, amountRefundable } of nodes) {
    if (amountRefundable === 0) continue;
    // The same return has the same key: two requests at once make one refund.
    const idempotencyKey = `return-${orderId}-${id}-${amountRefundable}`;
    await tollgate.refund({ paymentId: id, refundAmount: amountRefundable, reason: 'Returned', idempotencyKey });
  }
  return (await Promise.all(nodes.map(({ id }) => refundsOf(id)))).flat();
};

const digest = (text) => createHash('sha256').update(text).digest();
const isAllowed = ({ headers }) =>
  timingSafeEqual(digest(headers.authorization ?? ''), digest(`Bearer ${RETURNS_KEY}`));

const answer = async (request) => {
  const [, orderId] = /^\/orders\/([\w-]+)\/return$/.exec(request.url) ?? [];
  if (request.method !== 'POST' || orderId === undefined) return [404, { error: 'POST /orders/12/return' }];
  if (!isAllowed(request)) return [401, { error: 'Send the returns desk’s key.' }];
  try {
    return [200, { refunds: await takeBack(orderId) }];
  } catch (error) {
    if (!(error instanceof TollgateError)) throw error;
    return [error.code === 'UNREACHABLE' ? 503 : 409, { code: error.code, error: error.message }];
  }
};

const server = createServer(async (request, response) => {
  const [status, body] = await answer(request).catch(() => [500, { error: 'Something went wrong.' }]);
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
});
server.listen(Number(PORT), '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${server.address().port}\n`);
});
