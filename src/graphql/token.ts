import {
  createRemoteJWKSet,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  jwtVerify,
  SignJWT,
} from 'jose';
import { UnauthenticatedError } from '../core/errors.js';

/** How callers' tokens are signed: a shared secret (HS256 alone), or the published keys of an issuer (asymmetric alone). */
export type TokenKeys = { readonly secret: string } | { readonly jwksUrl: string };

/** What else a token must say. */
export interface TokenRules {
  /** The `iss` that tokens must carry, where set. */
  readonly issuer?: string;
  /** The `aud` that tokens must carry, where set. */
  readonly audience?: string;
  /** Whether roles in the token's `roles` claim count. */
  readonly trustRoles: boolean;
  /** How far the issuer's clock may be ahead of ours (`nbf`), in seconds; 5 unless told. `exp` holds to the second. */
  readonly clockToleranceSeconds?: number;
}

/** Who a verified token speaks for. */
export interface VerifiedToken {
  /** `sub`. */
  readonly accountId: string;
  /** The `roles` claim where it is trusted, otherwise empty. */
  readonly roles: readonly string[];
  readonly expiresAt: Date | null;
}

/** Verifies tokens; keeps those it verified for a while, so that a busy client costs one signature check. */
export interface TokenVerifier {
  /** Throws UNAUTHENTICATED with what is wrong, never with a key or an address. */
  verify(token: string): Promise<VerifiedToken>;
}

/** Asymmetric algorithms of RFC 7518 and RFC 8037: a public key can't be mistaken for a shared secret. */
const ASYMMETRIC = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ');
const EXPIRED = 'The token has expired. Get a new one.';
const MAX_TOKEN_CHARACTERS = 8_192;
const MAX_SUBJECT_CHARACTERS = 200;
/** A key that an issuer withdrew is believed no longer than this. */
const KEEP_MS = 5 * 60_000;
const KEEP_TOKENS = 5_000;
/** An unknown key id makes us read the published keys again, at most this often. */
const KEYS_COOLDOWN_MS = 1_000;
const KEYS_TIMEOUT_MS = 5_000;

/**
 * Makes the verifier of callers' tokens (RFC 7519). Only the algorithms that fit the kind of key are taken, so neither
 * `alg: none` nor HS256 signed with a public key passes. A rotated key is found without a restart.
 */
export const createTokenVerifier = (keys: TokenKeys, rules: TokenRules): TokenVerifier => {
  const check = 'secret' in keys ? checkWithSecret(keys.secret) : checkWithPublishedKeys(new URL(keys.jwksUrl));
  const toleranceSeconds = rules.clockToleranceSeconds ?? 5;
  const options: JWTVerifyOptions = {
    clockTolerance: toleranceSeconds,
    ...(rules.issuer === undefined ? {} : { issuer: rules.issuer }),
    ...(rules.audience === undefined ? {} : { audience: rules.audience }),
  };
  const known = new Map<string, { readonly token: VerifiedToken; readonly until: number }>();

  return {
    verify: async (token) => {
      const kept = known.get(token);
      if (kept && kept.until > Date.now()) return kept.token;
      known.delete(token);
      if (token.length > MAX_TOKEN_CHARACTERS) throw new UnauthenticatedError('The token is too long.');
      const payload = await check(token, options);
      const verified = readClaims(payload, rules.trustRoles);
      const endsAt = verified.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY;
      known.set(token, { token: verified, until: Math.min(endsAt, Date.now() + KEEP_MS) });
      for (const oldest of known.keys()) {
        if (known.size <= KEEP_TOKENS) break;
        known.delete(oldest);
      }
      return verified;
    },
  };
};

/** What a token of our own says; for `tollgate token`, the demo and tests. */
export interface TokenClaims {
  readonly accountId: string;
  readonly roles?: readonly string[];
  /** From now, in seconds. */
  readonly expiresInSeconds: number;
  readonly issuer?: string;
  readonly audience?: string;
}

/** Signs a token with the shared secret (HS256). */
export const signToken = (secret: string, claims: TokenClaims): Promise<string> => {
  const now = Math.floor(Date.now() / 1_000);
  const token = new SignJWT(claims.roles === undefined ? {} : { roles: [...claims.roles] })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(claims.accountId)
    .setIssuedAt(now)
    .setExpirationTime(now + claims.expiresInSeconds);
  if (claims.issuer !== undefined) token.setIssuer(claims.issuer);
  if (claims.audience !== undefined) token.setAudience(claims.audience);
  return token.sign(new TextEncoder().encode(secret));
};

type Check = (token: string, options: JWTVerifyOptions) => Promise<JWTPayload>;

const checkWithSecret = (secret: string): Check => {
  const key = new TextEncoder().encode(secret);
  return async (token, options) => {
    try {
      return (await jwtVerify(token, key, { ...options, algorithms: ['HS256'] })).payload;
    } catch (error) {
      throw refusal(error);
    }
  };
};

const checkWithPublishedKeys = (url: URL): Check => {
  const keys = createRemoteJWKSet(url, { cooldownDuration: KEYS_COOLDOWN_MS, timeoutDuration: KEYS_TIMEOUT_MS });
  const findKey: JWTVerifyGetKey = async (header, token) => {
    try {
      return await keys(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || !keys.coolingDown) throw error;
      // The keys were read a moment ago; a rotation since then is seen once they may be read again.
      await new Promise((resolve) => setTimeout(resolve, KEYS_COOLDOWN_MS).unref());
      return keys(header, token);
    }
  };
  return async (token, options) => {
    try {
      return (await jwtVerify(token, findKey, { ...options, algorithms: ASYMMETRIC })).payload;
    } catch (error) {
      throw refusal(error);
    }
  };
};

const readClaims = (payload: JWTPayload, trustRoles: boolean): VerifiedToken => {
  const { sub, exp } = payload;
  if (exp !== undefined && exp * 1_000 <= Date.now()) throw new UnauthenticatedError(EXPIRED);
  if (typeof sub !== 'string' || sub === '' || sub.length > MAX_SUBJECT_CHARACTERS || /\p{Cc}/u.test(sub))
    throw new UnauthenticatedError(
      `The token's "sub" must name the account in 1 to ${MAX_SUBJECT_CHARACTERS} printable characters.`,
    );
  const claimed: unknown = trustRoles ? payload['roles'] : undefined;
  return {
    accountId: sub,
    roles: Array.isArray(claimed) ? claimed.filter((role) => typeof role === 'string') : [],
    expiresAt: exp === undefined ? null : new Date(exp * 1_000),
  };
};

/** Only what an operator should see keeps its cause: a client's bad token is nobody's fault here. */
const refusal = (cause: unknown): UnauthenticatedError => {
  if (cause instanceof errors.JWTExpired) return new UnauthenticatedError(EXPIRED);
  if (cause instanceof errors.JWTClaimValidationFailed)
    return new UnauthenticatedError(`The token's "${cause.claim}" is not accepted here.`);
  if (cause instanceof errors.JWKSNoMatchingKey)
    return new UnauthenticatedError('The token is signed with a key that its issuer does not publish.');
  if (isTokenFault(cause)) return new UnauthenticatedError('The token is not valid.');
  return new UnauthenticatedError(
    "Tokens can't be checked at the moment: the issuer's keys can't be read. Try again in a moment.",
    { cause },
  );
};

const isTokenFault = (error: unknown): boolean =>
  [
    errors.JWSInvalid,
    errors.JWTInvalid,
    errors.JWSSignatureVerificationFailed,
    errors.JOSEAlgNotAllowed,
    errors.JOSENotSupported,
    errors.JWKSMultipleMatchingKeys,
  ].some((kind) => error instanceof kind);
