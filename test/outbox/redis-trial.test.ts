import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import type { AddressInfo } from 'node:net';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CLUSTER_RIGHTS, REDIS_RIGHTS } from '../../src/outbox/redis-refusal.js';
import { tryRedis } from '../../src/outbox/redis-trial.js';
import { runCommand } from '../cli/command.js';
import { createEmptyDatabase } from '../harness/postgres.js';
import {
  describeWithOwnRedis,
  startRedis,
  startRedisCluster,
  startSentinel,
  type TestRedis,
} from '../harness/redis.js';

const TLS = fileURLToPath(new URL('../storage/tls/', import.meta.url));

describeWithOwnRedis('a Redis that does not serve us says why, and what mends it', () => {
  let redis: TestRedis;
  let secured: tls.Server;
  /** Where that Redis speaks TLS. */
  const tlsPort = randomInt(20_000, 32_768);
  beforeAll(async () => {
    redis = await startRedis([
      'requirepass geheim',
      `tls-port ${tlsPort}`,
      `tls-cert-file "${TLS}server.pem"`,
      `tls-key-file "${TLS}server.key"`,
      `tls-ca-cert-file "${TLS}authority.pem"`,
      'tls-auth-clients no',
      'user pinger on >pinger ~* &* +ping',
      'user elsewhere on >elsewhere ~* resetchannels +@all',
      'user uncounted on >uncounted ~* &* +@all -eval',
      `user documented on >documented ${REDIS_RIGHTS}`,
    ]);
    secured = tls.createServer({
      cert: fs.readFileSync(`${TLS}server.pem`),
      key: fs.readFileSync(`${TLS}server.key`),
    });
    secured.on('tlsClientError', () => undefined);
    await once(secured.listen(0, '127.0.0.1'), 'listening');
  });
  afterAll(async () => {
    secured.close();
    await redis.stop();
  });
  const withUser = (credentials: string): string => redis.url.replace('//', `//${credentials}@`);
  const rediss = (): string => `rediss://127.0.0.1:${(secured.address() as AddressInfo).port}`;

  const refusals: readonly (readonly [string, () => string, RegExp, RegExp])[] = [
    ['no password', () => redis.url, /asks for a password, and REDIS_URL has none/, /password@host/],
    ['a wrong password', () => withUser(':guess'), /does not take the user and password/, /encodeURIComponent/],
    ['an unknown user', () => withUser('nobody:guess'), /does not take the user and password/, /Correct them/],
    [
      'a user without rights',
      () => withUser('pinger:pinger'),
      /PUBLISH was refused.*lacks rights.*publish/,
      /ACL SETUSER/,
    ],
    ['a user without channels', () => withUser('elsewhere:elsewhere'), /lacks rights.*channels/, /&\*:tollgate:\*/],
    ['a user who can not count rates', () => withUser('uncounted:uncounted'), /EVAL.*lacks rights/, /\+eval/],
    ['an unknown authority', rediss, /authority that this machine doesn't know/, /NODE_EXTRA_CA_CERTS/],
    ['a port where nothing listens', () => 'redis://127.0.0.1:9', /Nothing listens/, /Start Redis/],
    ['a name that leads nowhere', () => 'redis://redis.invalid', /leads to no address/, /DNS/],
    ['a database that is not there', () => `${withUser(':geheim')}/99`, /no database of the number/, /smaller/],
  ];
  test.each(refusals)('%s', async (_, url, message, remedy) => {
    const refusal = await tryRedis({ url: url() });
    expect(refusal?.message).toMatch(message);
    expect(refusal?.remedy).toMatch(remedy);
    expect(JSON.stringify(refusal)).not.toMatch(/guess|geheim/);
  });

  test('with the rights of the docs, and no others, all is well', async () => {
    expect(await tryRedis({ url: withUser('documented:documented') })).toBeUndefined();
    expect(await tryRedis({ url: withUser(':geheim') })).toBeUndefined();
    const docs = fs.readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
    expect(docs).toContain(`${REDIS_RIGHTS}\n`);
  });

  test('over TLS, with a user of those rights and a prefix, all is well', async () => {
    const environment = {
      DATABASE_URL: 'postgres://127.0.0.1:9/none',
      REDIS_URL: `rediss://documented:documented@localhost:${tlsPort}`,
      REDIS_KEY_PREFIX: 'shop:',
    };
    const strange = await runCommand(['doctor'], environment);
    expect(strange.stdout).toMatch(/PROBLEM {2}Redis round trip: .*authority that this machine doesn't know/);
    const known = await runCommand(['doctor'], { ...environment, NODE_EXTRA_CA_CERTS: `${TLS}authority.pem` });
    expect(known.stdout).toMatch(/ok +Redis round trip/);
  });

  test('a Sentinel that knows another name, or that is not there', async () => {
    const sentinel = await startSentinel(redis, 'the-shop', ['sentinel auth-pass the-shop geheim']);
    const { hostname: host, port } = new URL(sentinel.url);
    const sentinels = [{ host, port: Number(port) }];
    try {
      expect(await tryRedis({ url: 'redis://:geheim@the-shop', sentinels })).toBeUndefined();
      for (const wrong of [
        { url: 'redis://:geheim@another', sentinels },
        { url: 'redis://:geheim@the-shop', sentinels: [{ host, port: 9 }] },
      ])
        expect((await tryRedis(wrong))?.message).toMatch(/No Sentinel of REDIS_SENTINELS answers/);
      expect((await tryRedis({ url: 'redis://:guess@the-shop', sentinels }))?.message).toMatch(/user and password/);
    } finally {
      await sentinel.stop();
    }
  });

  test('a cluster that is taken for one Redis, and the other way round; with the rights of the docs all is well', async () => {
    const cluster = await startRedisCluster([`user documented on >documented ${REDIS_RIGHTS} ${CLUSTER_RIGHTS}`]);
    try {
      const url = cluster.nodes[0]?.url ?? '';
      expect((await tryRedis({ url }))?.remedy).toBe('Set REDIS_CLUSTER=true.');
      expect((await tryRedis({ url: withUser(':geheim'), cluster: true }))?.remedy).toMatch(/Unset REDIS_CLUSTER/);
      const documented = url.replace('//', '//documented:documented@');
      expect(await tryRedis({ url: documented, cluster: true, keyPrefix: 'shop:' })).toBeUndefined();
      const docs = fs.readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
      expect(docs).toContain(CLUSTER_RIGHTS);
    } finally {
      await cluster.stop();
    }
  });

  test('the doctor names it, the address without its password, also where the database can not be asked', async () => {
    const empty = await createEmptyDatabase();
    try {
      const { stdout, code } = await runCommand(['doctor'], { DATABASE_URL: empty.url, REDIS_URL: withUser(':guess') });
      expect(code).toBe(1);
      expect(stdout).toMatch(/PROBLEM {2}Redis round trip: Redis does not take the user and password/);
      expect(stdout).toContain(`of ${redis.url}`);
      expect(stdout).not.toContain('guess');
    } finally {
      await empty.drop();
    }
  });
});
