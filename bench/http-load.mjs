// A load generator that costs little itself: whole requests as bytes over kept-alive sockets, one under way on each.
import { once } from 'node:events';
import net from 'node:net';

const SEPARATOR = Buffer.from('\r\n\r\n');
const LAST_CHUNK = Buffer.from('\r\n0\r\n\r\n');

/** The bytes of a POST. */
export const post = (path, headers, body) =>
  Buffer.from(
    [
      `POST ${path} HTTP/1.1`,
      'host: bench.example',
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      `content-length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  );

/** One connection; `send` resolves with the answer's status and text, one request at a time. */
export const connect = async (url) => {
  const { hostname, port } = new URL(url);
  const socket = net.connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, 'connect');
  let received = Buffer.alloc(0);
  let waiting;
  const settle = (outcome, value) => {
    const { [outcome]: tell } = waiting ?? {};
    waiting = undefined;
    tell?.(value);
  };
  socket.on('data', (chunk) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const answer = readAnswer(received);
    if (!answer) return;
    received = received.subarray(answer.length);
    settle('resolve', answer);
  });
  socket.on('error', (error) => settle('reject', error));
  socket.on('close', () => settle('reject', new Error('The server closed the connection.')));
  return {
    send: (bytes) =>
      new Promise((resolve, reject) => {
        if (socket.destroyed) return reject(new Error('The server had closed the connection.'));
        waiting = { resolve, reject };
        socket.write(bytes);
      }),
    close: () => socket.destroy(),
  };
};

const readAnswer = (bytes) => {
  const headEnd = bytes.indexOf(SEPARATOR);
  if (headEnd === -1) return undefined;
  const head = bytes.latin1Slice(0, headEnd);
  const bodyAt = headEnd + SEPARATOR.length;
  const status = Number(head.slice(9, 12));
  const stated = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
  const lastChunk = stated === undefined ? bytes.indexOf(LAST_CHUNK, headEnd) : -1;
  if (stated === undefined && lastChunk === -1) return undefined;
  const length = stated === undefined ? lastChunk + LAST_CHUNK.length : bodyAt + Number(stated);
  return bytes.length < length ? undefined : { status, length, text: () => bytes.utf8Slice(bodyAt, length) };
};

/** Sends all requests over that many connections and gives requests per second; any answer but 200 is an error. */
export const measureRate = async (url, requests, { connections = 16, check = () => undefined } = {}) => {
  const links = await Promise.all(Array.from({ length: connections }, () => connect(url)));
  let next = 0;
  const work = async (link) => {
    for (let index = next++; index < requests.length; index = next++) {
      const answer = await link.send(requests[index]);
      if (answer.status !== 200) throw new Error(`${url} answered ${answer.status}: ${answer.text()}`);
      check(answer);
    }
  };
  try {
    const startedAt = performance.now();
    await Promise.all(links.map(work));
    return requests.length / ((performance.now() - startedAt) / 1_000);
  } finally {
    for (const link of links) link.close();
  }
};
