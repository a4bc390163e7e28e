import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseEnv } from 'node:util';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config.js';
import { createTokenVerifier, type TokenVerifier } from '../../src/graphql/token.js';

const page = readFileSync(new URL('../../docs/tokens.md', import.meta.url), 'utf8');
/** What each section of the page tells to set. */
const SETTINGS = new Map(
  [...page.matchAll(/^## (.+)$[\s\S]*?^```sh\n([\s\S]*?)^```$/gm)].map(([, issuer = '', lines = '']) => [
    issuer,
    parseEnv(lines),
  ]),
);

const now = Math.floor(Date.now() / 1_000);
/** Claims in the form that each issuer gives them out; all name the role "support". */
const TOKENS: Record<string, { readonly alg: string; readonly claims: JWTPayload & { readonly sub: string } }> = {
  Auth0: {
    alg: 'RS256',
    claims: {
      'https://shop.example/roles': ['support'],
      iss: 'https://shop.eu.auth0.com/',
      sub: 'auth0|507f1f77bcf86cd799439020',
      aud: ['https://pay.shop.example', 'https://shop.eu.auth0.com/userinfo'],
      azp: 'my_client_id',
      scope: 'openid profile',
      iat: now,
      exp: now + 86_400,
    },
  },
  Clerk: {
    alg: 'RS256',
    claims: {
      azp: 'https://shop.example',
      fva: [0, -1],
      iss: 'https://clerk.shop.example',
      metadata: { roles: ['support'] },
      nbf: now - 10,
      sid: 'sess_2abc',
      sub: 'user_2abc',
      v: 2,
      iat: now,
      exp: now + 60,
    },
  },
  Supabase: {
    alg: 'ES256',
    claims: {
      iss: 'https://ref.supabase.co/auth/v1',
      sub: '8d5e0c7e-1b1c-4a55-9a8e-3c6b1f0f0d11',
      aud: 'authenticated',
      role: 'authenticated',
      aal: 'aal1',
      session_id: 'b1f0',
      is_anonymous: false,
      app_metadata: { provider: 'email', providers: ['email'], roles: ['support'] },
      user_metadata: { roles: ['admin'] },
      iat: now,
      exp: now + 3_600,
    },
  },
  Firebase: {
    alg: 'RS256',
    claims: {
      iss: 'https://securetoken.google.com/shop-project',
      aud: 'shop-project',
      auth_time: now,
      user_id: 'Xq3bT5',
      sub: 'Xq3bT5',
      roles: ['support'],
      firebase: { identities: {}, sign_in_provider: 'password' },
      iat: now,
      exp: now + 3_600,
    },
  },
  Keycloak: {
    alg: 'RS256',
    claims: {
      iss: 'https://login.shop.example/realms/shop',
      aud: ['tollgate', 'account'],
      sub: 'f1d2c3b4-0000-4000-8000-000000000001',
      typ: 'Bearer',
      azp: 'shop-page',
      realm_access: { roles: ['support', 'offline_access'] },
      resource_access: { account: { roles: ['view-profile'] } },
      iat: now,
      exp: now + 300,
    },
  },
  'Your own': {
    alg: 'HS256',
    claims: { iss: 'https://shop.example', aud: 'tollgate', sub: '7', roles: 'support', iat: now, exp: now + 900 },
  },
};

type Key = CryptoKey | Uint8Array;
const keys = new Map<string, Key>();
const published: object[] = [];
const issuer = createServer((_, response) => {
  response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: published }));
});
let jwksUrl: string;

beforeAll(async () => {
  for (const alg of ['RS256', 'ES256']) {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
    keys.set(alg, privateKey);
    published.push({ ...(await exportJWK(publicKey)), kid: alg, alg, use: 'sig' });
  }
  await once(issuer.listen(0, '127.0.0.1'), 'listening');
  jwksUrl = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/keys`;
});
afterAll(() => new Promise((resolve) => issuer.close(resolve)));

/** As the server makes it from the page's settings; the keys alone come from here. */
const verifierOf = (settings: NodeJS.Dict<string>): TokenVerifier => {
  const { jwt } = readConfig({ DATABASE_URL: 'postgres://db/app', ...settings });
  const { secret, jwksUrl: _, trustRoles, issuer: iss, audience, rolesClaim } = jwt;
  return createTokenVerifier(secret === undefined ? { jwksUrl } : { secret }, {
    trustRoles,
    ...(iss !== undefined && { issuer: iss }),
    ...(audience !== undefined && { audience }),
    ...(rolesClaim !== undefined && { rolesClaim }),
  });
};

test('the page has a section for each issuer, and no other', () => {
  expect([...SETTINGS.keys()]).toEqual(Object.keys(TOKENS));
});

describe.each(Object.entries(TOKENS))('%s', (name, { alg, claims }) => {
  const settings = SETTINGS.get(name) ?? {};
  const sign = (change: JWTPayload = {}, key?: Key): Promise<string> =>
    new SignJWT({ ...claims, ...change })
      .setProtectedHeader({ alg, typ: 'JWT', ...(alg === 'HS256' ? {} : { kid: alg }) })
      .sign(key ?? keys.get(alg) ?? new TextEncoder().encode(settings['JWT_SECRET']));

  test('a token of its form is taken, with its account and its role', async () => {
    const { accountId, roles } = await verifierOf(settings).verify(await sign());
    expect(accountId).toBe(claims.sub);
    expect(roles).toContain('support');
    expect(roles).not.toContain('admin');
  });

  test('one of another issuer, audience or key, or whose time is up, is refused', async () => {
    const others = [
      { iss: 'https://evil.example' },
      { exp: now - 1 },
      ...(settings['JWT_AUDIENCE'] === undefined ? [] : [{ aud: 'another' }]),
    ];
    for (const change of others)
      await expect(verifierOf(settings).verify(await sign(change)), JSON.stringify(change)).rejects.toThrow();
    const stranger =
      alg === 'HS256' ? new TextEncoder().encode('x'.repeat(64)) : (await generateKeyPair(alg)).privateKey;
    await expect(verifierOf(settings).verify(await sign({}, stranger))).rejects.toThrow();
  });
});
