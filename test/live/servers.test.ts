import { once } from 'node:events';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import WebSocket from 'ws';
import { confirm, pay } from '../harness/payments.js';
import { describeWithOwnRedis, startRedis, type TestRedis } from '../harness/redis.js';
import { openTestBed, type Server, type TestBed, tokenFor } from '../harness/tollgate.js';

const WATCH = 'subscription ($id: ID!) { paymentUpdated(id: $id) { status version } }';
const OUTAGE_MS = 30_000;

describeWithOwnRedis('sockets of a server on Redis', () => {
  let bed: TestBed;
  let redis: TestRedis;
  let server: Server;
  beforeAll(async () => {
    bed = await openTestBed();
    redis = await startRedis();
    server = await bed.start({ environment: { REDIS_URL: redis.url } });
  });
  afterAll(async () => {
    redis.resume();
    await bed.close();
    await redis.stop();
  });

  const openSocket = async (paymentId: string, authorization: string): Promise<WebSocket> => {
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
    socket.on('error', () => undefined);
    await once(socket, 'open');
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization } }));
    await once(socket, 'message');
    socket.send(
      JSON.stringify({ id: '1', type: 'subscribe', payload: { query: WATCH, variables: { id: paymentId } } }),
    );
    const [message] = await once(socket, 'message');
    expect(JSON.parse(String(message))).toMatchObject({ type: 'next' });
    return socket;
  };

  test('after two hundred abrupt ends Redis holds no subscription', async () => {
    const { payment } = await pay(server, await bed.createOrder());
    const authorization = `Bearer ${await tokenFor('customer')}`;
    const sockets = await Promise.all(Array.from({ length: 200 }, () => openSocket(payment.id, authorization)));
    const asked = new Redis(redis.url);
    const channels = async (): Promise<string[]> =>
      ((await asked.pubsub('CHANNELS')) as string[]).filter((name) => name.includes('payment'));
    expect(await channels()).toHaveLength(1);
    for (const socket of sockets) socket.terminate();
    await expect.poll(channels, { timeout: 10_000 }).toEqual([]);
    asked.disconnect();
  });

  test.each([
    ['restarted', async () => redis.restart()],
    [
      `unreachable for ${OUTAGE_MS / 1000} s`,
      async () => {
        redis.pause();
        await new Promise((resolve) => setTimeout(resolve, OUTAGE_MS));
        redis.resume();
      },
    ],
  ])(
    'Redis %s: the subscriber ends with the newest version and sees no older one',
    { timeout: 90_000 },
    async (_, break_) => {
      const paid = await pay(server, await bed.createOrder());
      const watch = server.watch(WATCH, { id: paid.payment.id });
      const first = await watch.next();
      const broken = break_();
      await confirm(bed, paid, 'pm_card_visa_chargeDeclined');
      await confirm(bed, paid, 'pm_card_visa');
      await broken;
      const seen = [first, ...(await watch.until(({ status }) => status === 'SUCCESSFUL', 45_000))];
      const versions = seen.map(({ version }) => Number(version));
      expect(versions).toEqual([...versions].sort((a, b) => a - b));
      expect(new Set(versions).size).toBe(versions.length);
      await watch.stop();
    },
  );
});
