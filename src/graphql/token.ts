import { errors, type JWTPayload, type JWTVerifyOptions, jwtVerify, SignJWT } from 'jose';
import { UnauthenticatedError } from '../core/errors.js';
import { faultOfText } from '../core/text.js';
import { checkWithPublishedKeys, NoKeyFitsError } from './published-keys.js';

/** How callers' tokens are signed: a shared secret (HS256 alone), or the published keys of an issuer (asymmetric alone). */
export type TokenKeys = { readonly secret: string } | { readonly jwksUrl: string };

/** What else a token must say. */
export interface TokenRules {
  /** The `iss` that tokens must carry, where set. */
  readonly issuer?: string;
  /** The `aud` that tokens must carry, where set. */
  readonly audience?: string;
  /** Whether roles in the token count. */
  readonly trustRoles: boolean;
  /** The claim that holds them, or the path to it with dots between; `roles` unless told. */
  readonly rolesClaim?: string;
  /** How far the issuer's clock may be ahead of ours (`nbf`), in seconds; 5 unless told. `exp` holds to the second. */
  readonly clockToleranceSeconds?: number;
  /** How long a token is good after it was issued (`iat`), whatever its `exp` says; no bound where left out. */
  readonly maxAgeSeconds?: number;
}

/** Who a verified token speaks for. */
export interface VerifiedToken {
  /** `sub`. */
  readonly accountId: string;
  /** The roles that its claim names where that is trusted, otherwise empty. */
  readonly roles: readonly string[];
  readonly expiresAt: Date | null;
  /** The console session that it stands for, if any: an app's own token is verified by itself. */
  readonly session?: TokenSessionEnd;
}

/** A session that may be ended before its time. */
export interface TokenSessionEnd {
  /** Throws UNAUTHENTICATED once it has ended. */
  assertOpen(): Promise<void>;
  end(): Promise<void>;
}

/** Verifies tokens; keeps those it verified for a while, so that a busy client costs one signature check. */
export interface TokenVerifier {
  /** Throws UNAUTHENTICATED with the reason, which never contains a key or a URL. */
  verify(token: string): Promise<VerifiedToken>;
}

const EXPIRED = 'The token has expired. Get a new one.';
const MAX_TOKEN_CHARACTERS = 8_192;
const MAX_SUBJECT_CHARACTERS = 200;
/** A key that an issuer withdrew is believed no longer than this. */
const KEEP_MS = 5 * 60_000;
const KEEP_TOKENS = 5_000;
/** Beyond it there is no Date: a token that ends later ends then, on every door. Source: ECMA-262, "Time Values". */
const LAST_MS = 8.64e15;

/**
 * Makes the verifier of callers' tokens (RFC 7519). Only the algorithms that fit the kind of key are taken, so neither
 * `alg: none` nor HS256 signed with a public key passes. A rotated key is found without a restart.
 */
export const createTokenVerifier = (keys: TokenKeys, rules: TokenRules): TokenVerifier => {
  const verifyWith = 'secret' in keys ? checkWithSecret(keys.secret) : checkWithPublishedKeys(new URL(keys.jwksUrl));
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
      const payload = await verifyWith(token, options).catch((error: unknown) => {
        throw refusal(error);
      });
      const verified = readClaims(payload, rules, toleranceSeconds);
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
  /** The claim for the roles; `roles` unless told. */
  readonly rolesClaim?: string;
}

/** Signs a token with the shared secret (HS256). */
export const signToken = (secret: string, claims: TokenClaims): Promise<string> => {
  const now = Math.floor(Date.now() / 1_000);
  const token = new SignJWT(claims.roles === undefined ? {} : { [claims.rolesClaim ?? 'roles']: [...claims.roles] })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(claims.accountId)
    .setIssuedAt(now)
    .setExpirationTime(now + claims.expiresInSeconds);
  if (claims.issuer !== undefined) token.setIssuer(claims.issuer);
  if (claims.audience !== undefined) token.setAudience(claims.audience);
  return token.sign(new TextEncoder().encode(secret));
};

const checkWithSecret = (secret: string) => {
  const key = new TextEncoder().encode(secret);
  return async (token: string, options: JWTVerifyOptions): Promise<JWTPayload> =>
    (await jwtVerify(token, key, { ...options, algorithms: ['HS256'] })).payload;
};

const readClaims = (payload: JWTPayload, rules: TokenRules, toleranceSeconds: number): VerifiedToken => {
  const { sub } = payload;
  const endsAtMs = readEnd(payload, rules.maxAgeSeconds, toleranceSeconds);
  if (endsAtMs !== undefined && endsAtMs <= Date.now()) throw new UnauthenticatedError(EXPIRED);
  if (
    typeof sub !== 'string' ||
    sub === '' ||
    sub.length > MAX_SUBJECT_CHARACTERS ||
    /\p{Cc}/u.test(sub) ||
    faultOfText(sub) !== undefined
  )
    throw new UnauthenticatedError(
      `The token's "sub" must name the account in 1 to ${MAX_SUBJECT_CHARACTERS} printable characters.`,
    );
  const claimed = rules.trustRoles ? readPath(payload, rules.rolesClaim ?? 'roles') : undefined;
  return {
    accountId: sub,
    roles: (Array.isArray(claimed) ? claimed : [claimed]).filter(isRoleName),
    expiresAt: endsAtMs === undefined ? null : new Date(endsAtMs),
  };
};

/** A claim by its whole name, which may hold dots itself (Auth0's are addresses), otherwise by a path through objects. */
const readPath = (claims: Readonly<Record<string, unknown>>, name: string): unknown => {
  if (Object.hasOwn(claims, name)) return claims[name];
  let value: unknown = claims;
  for (const key of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[key];
  }
  return value;
};

const isRoleName = (role: unknown): role is string => typeof role === 'string' && faultOfText(role) === undefined;

/** When the token ends, by its own word and by the longest life that is set; undefined where neither says. */
const readEnd = (
  { exp, iat }: JWTPayload,
  maxAgeSeconds: number | undefined,
  toleranceSeconds: number,
): number | undefined => {
  const ownEndMs = exp === undefined ? undefined : Math.min(exp * 1_000, LAST_MS);
  if (maxAgeSeconds === undefined) return ownEndMs;
  if (iat === undefined) {
    if (ownEndMs !== undefined && ownEndMs <= Date.now() + maxAgeSeconds * 1_000) return ownEndMs;
    throw new UnauthenticatedError(
      `The token must say when it was issued ("iat"), or end ("exp") within ${maxAgeSeconds} seconds from now.`,
    );
  }
  if (iat > Date.now() / 1_000 + toleranceSeconds)
    throw new UnauthenticatedError('The token\'s "iat" is not accepted here: it lies in the future.');
  return Math.min(ownEndMs ?? LAST_MS, (iat + maxAgeSeconds) * 1_000);
};

/** Only what an operator should see keeps its cause: a client's bad token is nobody's fault here. */
const refusal = (cause: unknown): UnauthenticatedError => {
  if (cause instanceof errors.JWTExpired) return new UnauthenticatedError(EXPIRED);
  if (cause instanceof errors.JWTClaimValidationFailed)
    return new UnauthenticatedError(`The token's "${cause.claim}" is not accepted here.`);
  if (cause instanceof errors.JWKSNoMatchingKey)
    return new UnauthenticatedError('The token is signed with a key that its issuer does not publish.');
  if (cause instanceof NoKeyFitsError)
    return new UnauthenticatedError(
      'The token names no key ("kid"), and none of the keys that its issuer publishes has signed it.',
    );
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
  ].some((kind) => error instanceof kind);
