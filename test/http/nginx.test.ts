import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWithNginx, type Nginx, startNginx } from '../harness/nginx.js';
import { type Edge, payment, readEvents, startEdge } from './edge.js';

const WATCH = 'subscription { paymentUpdated(id: 1) { version } }';

describeWithNginx('behind a plain proxy_pass of nginx', () => {
  let edge: Edge;
  let nginx: Nginx;
  beforeAll(async () => {
    edge = await startEdge();
    nginx = await startNginx(edge.url);
  });
  afterAll(async () => {
    await nginx.stop();
    await edge.close();
  });

  test('each message of a stream arrives when it is sent', async () => {
    const abort = new AbortController();
    const response = await fetch(`${nginx.url}/graphql?query=${encodeURIComponent(WATCH)}`, {
      headers: { accept: 'text/event-stream', authorization: `Bearer ${await edge.token()}` },
      signal: abort.signal,
    });
    const events = readEvents(response);
    for (let version = 1; version <= 3; version += 1) {
      if (version > 1) edge.streams.push(payment('1', { version }));
      expect((await events.next()).value?.data).toEqual({ data: { paymentUpdated: { version } } });
    }
    abort.abort();
    await edge.streams.idle();
  });
});
