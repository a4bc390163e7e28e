import {
  createRemoteJWKSet,
  customFetch,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  type JWTVerifyOptions,
  jwtVerify,
} from 'jose';

/** Asymmetric algorithms of RFC 7518 and RFC 8037: a public key can't be mistaken for a shared secret. */
const ASYMMETRIC = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ');
/** A key that may have been published meanwhile makes us read the keys again, at most this often. */
const COOLDOWN_MS = 1_000;
/** For the whole answer, however slowly it comes. */
const TIMEOUT_MS = 5_000;
/** Some hundred keys; what an issuer sends beyond is not read. */
const MOST_BYTES = 256 * 1_024;
/** Of the keys that a token may be signed with so many are tried. */
const MOST_KEYS = 50;

/** The token was signed with none of the keys that fit it, and names none ("kid", RFC 7515, section 4.1.4). */
export class NoKeyFitsError extends Error {}

/**
 * Makes the check of tokens against the keys that an issuer publishes (RFC 7517). A rotated key is found without a restart.
 * A token that names no key is tried against each that fits its algorithm.
 */
export const checkWithPublishedKeys = (url: URL) => {
  const keys = createRemoteJWKSet(url, {
    cooldownDuration: COOLDOWN_MS,
    timeoutDuration: TIMEOUT_MS,
    [customFetch]: fetchWithin,
  });

  const tryEach = async (token: string, found: errors.JWKSMultipleMatchingKeys, options: JWTVerifyOptions) => {
    let tried = 0;
    for await (const key of found) {
      tried += 1;
      if (tried > MOST_KEYS) break;
      try {
        return (await jwtVerify(token, key, options)).payload;
      } catch (error) {
        if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
      }
    }
    throw new NoKeyFitsError();
  };

  const check = async (token: string, options: JWTVerifyOptions): Promise<JWTPayload> => {
    try {
      return (await jwtVerify(token, keys, options)).payload;
    } catch (error) {
      if (error instanceof errors.JWKSMultipleMatchingKeys) return tryEach(token, error, options);
      if (error instanceof errors.JWSSignatureVerificationFailed && decodeProtectedHeader(token).kid === undefined)
        throw new NoKeyFitsError();
      throw error;
    }
  };

  return async (token: string, given: JWTVerifyOptions): Promise<JWTPayload> => {
    const options = { ...given, algorithms: ASYMMETRIC };
    try {
      return await check(token, options);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey || error instanceof NoKeyFitsError)) throw error;
      // A rotation since the keys were read is seen once they may be read again.
      if (keys.coolingDown) await new Promise((resolve) => setTimeout(resolve, COOLDOWN_MS).unref());
      if (!keys.coolingDown) await keys.reload();
      return check(token, options);
    }
  };
};

/** Reads no more than an issuer's keys can be. */
const fetchWithin = async (url: string, init: RequestInit): Promise<Response> => {
  const response = await fetch(url, init);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > MOST_BYTES) throw new Error(`The issuer's keys have more than ${MOST_BYTES} bytes.`);
    chunks.push(chunk);
  }
  return new Response(Buffer.concat(chunks), { status: response.status });
};
