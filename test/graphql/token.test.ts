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
    ['that is not a token', () => 'nonsense'],
    ['that is huge', () => 'a'.repeat(100_000)],
  ])('a token %s is refused', async (_, make) => {
    await expect(tokens.verify(await make())).rejects.toMatchObject(refused);
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
  const issuer = { keys: [] as object[], reads: 0 };
  const server = createServer((_, response) => {
    issuer.reads += 1;
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

  test("keys that can't be read are said so, without the issuer's address", async () => {
    const { sign } = await publish('key');
    const lost = createTokenVerifier({ jwksUrl: 'http://127.0.0.1:1/keys' }, rules);
    const error = await lost.verify(await sign(good)).catch((refusal: Error & { code: string }) => refusal);
    expect(error).toMatchObject(refused);
    expect((error as Error).message).toContain("can't be checked at the moment");
    expect((error as Error).message).not.toContain('127.0.0.1');
  });
});
