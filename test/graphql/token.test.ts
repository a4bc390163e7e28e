import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTokenVerifier, signToken, type TokenVerifier } from '../../src/graphql/token.js';

const SECRET = 'a secret of the tests that is long enough';
const rules = { issuer: 'https://issuer.example', audience: 'shop', trustRoles: true };
const nowSeconds = (): number => Math.floor(Date.now() / 1_000);

/** Signs any claims at all. */
const sign = (claims: JWTPayload, secret = SECRET, alg = 'HS256'): Promise<string> =>
  new SignJWT(claims).setProtectedHeader({ alg }).sign(new TextEncoder().encode(secret));

const good = { sub: 'ann', iss: rules.issuer, aud: rules.audience };
const refused = { code: 'UNAUTHENTICATED' };

describe('a shared secret', () => {
  const tokens = createTokenVerifier({ secret: SECRET }, rules);

  test('a token of ours names its account, its roles and its end', async () => {
    const token = await signToken(SECRET, {
      accountId: 'ann',
      roles: ['clerk'],
      expiresInSeconds: 60,
      issuer: rules.issuer,
      audience: rules.audience,
    });
    const verified = await tokens.verify(token);
    expect(verified).toMatchObject({ accountId: 'ann', roles: ['clerk'] });
    expect(Math.abs((verified.expiresAt?.getTime() ?? 0) - Date.now() - 60_000)).toBeLessThan(2_000);
    expect(await tokens.verify(token)).toBe(verified);
  });

  test('roles count only where they are trusted', async () => {
    const token = await sign({ ...good, roles: ['admin', 7] });
    expect((await tokens.verify(token)).roles).toEqual(['admin']);
    const wary = createTokenVerifier({ secret: SECRET }, { ...rules, trustRoles: false });
    expect((await wary.verify(token)).roles).toEqual([]);
  });

  test.each<[string, () => Promise<string> | string]>([
    ['signed with another secret', () => sign(good, 'another secret of the tests, as long')],
    ['with another algorithm', () => sign(good, SECRET.repeat(2), 'HS512')],
    ['without a signature', () => new UnsecuredJWT(good).encode()],
    ['expired a second ago', () => sign({ ...good, exp: nowSeconds() - 1 })],
    ['not yet valid', () => sign({ ...good, nbf: nowSeconds() + 60 })],
    ['of another issuer', () => sign({ ...good, iss: 'https://evil.example' })],
    ['for another audience', () => sign({ ...good, aud: 'bank' })],
    ['without a subject', () => sign({ iss: rules.issuer, aud: rules.audience })],
    ['with a subject beyond 200 characters', () => sign({ ...good, sub: 'a'.repeat(201) })],
    ['with a control character in its subject', () => sign({ ...good, sub: 'a\u0000b' })],
    ['with half a surrogate pair in its subject', () => sign({ ...good, sub: 'a\ud800b' })],
    ['that is not a token', () => 'nonsense'],
    ['that is huge', () => 'a'.repeat(100_000)],
  ])('a token %s is refused', async (_, make) => {
    await expect(tokens.verify(await make())).rejects.toMatchObject(refused);
  });

  test('a token without an end, and one that ends after the last date, are good', async () => {
    expect((await tokens.verify(await sign(good))).expiresAt).toBeNull();
    for (const exp of [9e12, 1e300]) {
      const { expiresAt } = await tokens.verify(await sign({ ...good, exp }));
      expect(expiresAt?.getTime()).toBe(8.64e15);
    }
  });

  describe('with a longest life', () => {
    const bounded = createTokenVerifier({ secret: SECRET }, { ...rules, maxAgeSeconds: 60 });
    const now = nowSeconds();

    test.each<[string, JWTPayload, number]>([
      ['says no end', { iat: now }, now + 60],
      ['ends later', { iat: now - 10, exp: now + 9_999 }, now + 50],
      ['ends sooner', { iat: now, exp: now + 30 }, now + 30],
      ['ends soon and does not say when it was issued', { exp: now + 50 }, now + 50],
    ])('a token that %s is good for that long', async (_, claims, end) => {
      expect((await bounded.verify(await sign({ ...good, ...claims }))).expiresAt).toEqual(new Date(end * 1_000));
    });

    test.each<[string, JWTPayload]>([
      ['was issued before', { iat: now - 61, exp: now + 9_999 }],
      ['says neither its end nor when it was issued', {}],
      ['ends later and does not say when it was issued', { exp: now + 300 }],
      ['will be issued', { iat: now + 9_999, exp: now + 9_999 }],
    ])('a token that %s is refused', async (_, claims) => {
      await expect(bounded.verify(await sign({ ...good, ...claims }))).rejects.toMatchObject(refused);
    });
  });

  test('a token that was verified before is refused once it ended', async () => {
    const token = await sign({ ...good, exp: nowSeconds() + 1 });
    await tokens.verify(token);
    await expect
      .poll(
        () =>
          tokens.verify(token).then(
            () => 'valid',
            (error: { code: string }) => error.code,
          ),
        { timeout: 3_000 },
      )
      .toBe('UNAUTHENTICATED');
  });
});

describe('published keys', () => {
  const issuer = { keys: [] as object[], reads: 0, sent: 0 };
  const endless = Buffer.alloc(64 * 1_024, 0x20);
  const server = createServer((request, response) => {
    issuer.reads += 1;
    if (request.url === '/endless') {
      const send = (): void => {
        issuer.sent += endless.length;
        if (!response.destroyed) response.write(endless, () => setImmediate(send));
      };
      return send();
    }
    if (request.url === '/slow') {
      const timer = setInterval(() => response.write(' '), 100);
      return void response.once('close', () => clearInterval(timer));
    }
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: issuer.keys }));
  });
  let jwksUrl: string;
  let tokens: TokenVerifier;

  const publish = async (kid: string, alg = 'ES256') => {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
    issuer.keys = [{ ...(await exportJWK(publicKey)), kid, alg }];
    return {
      publicKey,
      sign: (claims: JWTPayload, header: object = {}) =>
        new SignJWT(claims).setProtectedHeader({ alg, kid, ...header }).sign(privateKey),
    };
  };

  beforeAll(async () => {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    jwksUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
    tokens = createTokenVerifier({ jwksUrl }, rules);
  });
  afterAll(() => void server.close());

  test('an RS256 token and, after a rotation without a restart, an ES256 token are verified', async () => {
    const first = await publish('first', 'RS256');
    expect((await tokens.verify(await first.sign(good))).accountId).toBe('ann');
    const second = await publish('second');
    expect((await tokens.verify(await second.sign({ ...good, sub: 'ben' }))).accountId).toBe('ben');
  });

  test('many tokens with an unknown key make the issuer be asked a few times only', async () => {
    const { sign } = await publish('known');
    await tokens.verify(await sign(good));
    const before = issuer.reads;
    const attempts = await Promise.allSettled(
      Array.from({ length: 50 }, async (_, index) => tokens.verify(await sign(good, { kid: `unknown-${index}` }))),
    );
    expect(attempts.every(({ status }) => status === 'rejected')).toBe(true);
    expect(issuer.reads - before).toBeLessThanOrEqual(3);
  });

  describe('beside a key that is known', () => {
    let key: Awaited<ReturnType<typeof publish>>;
    beforeAll(async () => {
      key = await publish('key', 'RS256');
      await tokens.verify(await key.sign(good));
    });

    test.each<[string, () => Promise<string> | string]>([
      ['without a signature', () => new UnsecuredJWT(good).encode()],
      [
        'signed as HS256 with the public key',
        async () =>
          new SignJWT(good)
            .setProtectedHeader({ alg: 'HS256', kid: 'key' })
            .sign(new TextEncoder().encode(await exportSPKI(key.publicKey))),
      ],
      ['signed with a shared secret', () => sign(good)],
      ['of another issuer', () => key.sign({ ...good, iss: 'https://evil.example' })],
      ['for another audience', () => key.sign({ ...good, aud: 'bank' })],
      ['expired', () => key.sign({ ...good, exp: nowSeconds() - 1 })],
      ['not yet valid', () => key.sign({ ...good, nbf: nowSeconds() + 60 })],
      ['of an unknown key', () => key.sign(good, { kid: 'unknown' })],
      ['tampered with', async () => (await key.sign(good)).replace(/\.[^.]+\./, `.${btoa('{"sub":"root"}')}.`)],
    ])('a token %s is refused', async (_, make) => {
      await expect(tokens.verify(await make())).rejects.toMatchObject(refused);
    });
  });

  describe('a token that names no key', () => {
    const nameless = (key: Awaited<ReturnType<typeof publish>>, claims: JWTPayload = good): Promise<string> =>
      key.sign(claims, { kid: undefined });

    test('is tried against each key that is published, also one that was published a moment ago', async () => {
      const old = await publish('old');
      const before = issuer.keys;
      const other = await publish('other');
      issuer.keys = [...before, ...issuer.keys];
      const fresh = createTokenVerifier({ jwksUrl }, rules);
      for (const key of [old, other]) expect((await fresh.verify(await nameless(key))).accountId).toBe('ann');
      const both = issuer.keys;
      const added = await publish('added');
      issuer.keys = [...both, ...issuer.keys];
      expect((await fresh.verify(await nameless(added, { ...good, sub: 'ben' }))).accountId).toBe('ben');
      await expect(fresh.verify(await nameless(other, { ...good, exp: nowSeconds() - 60 }))).rejects.toMatchObject({
        message: expect.stringContaining('expired'),
      });
    });

    test('and that none of them has signed is refused with these words', async () => {
      const stranger = await publish('stranger');
      await publish('one');
      const one = issuer.keys;
      for (const keys of [one, [...one, { ...one[0], kid: 'again' }]]) {
        issuer.keys = keys;
        const error = createTokenVerifier({ jwksUrl }, rules).verify(await nameless(stranger));
        await expect(error).rejects.toMatchObject({ ...refused, message: expect.stringContaining('names no key') });
      }
    });
  });

  test.each([
    ['without an end', 'endless'],
    ['that takes its time', 'slow'],
  ])("an issuer's answer %s is given up, within bounds of size and time", async (_, path) => {
    const { sign } = await publish('key');
    const startedAt = performance.now();
    const lost = createTokenVerifier({ jwksUrl: jwksUrl.replace('keys', path) }, rules);
    await expect(lost.verify(await sign(good))).rejects.toMatchObject(refused);
    expect(performance.now() - startedAt).toBeLessThan(9_000);
    expect(issuer.sent).toBeLessThan(8 * 1_024 * 1_024);
  });

  test("keys that can't be read are said so, without the issuer's address", async () => {
    const { sign } = await publish('key');
    const lost = createTokenVerifier({ jwksUrl: 'http://127.0.0.1:1/keys' }, rules);
    const error = await lost.verify(await sign(good)).catch((refusal: Error & { code: string }) => refusal);
    expect(error).toMatchObject(refused);
    expect((error as Error).message).toContain("can't be checked at the moment");
    expect((error as Error).message).not.toContain('127.0.0.1');
  });
});
