import { ApiError, invalidRequest } from './errors.js';

/** Who calls: an account in one mode, with its secret key or, from a browser, its publishable key. */
export interface Caller {
  readonly account: string;
  readonly livemode: boolean;
  readonly publishable: boolean;
}

const KEY = /^(sk|pk)_(test|live)_sandbox(?:_([A-Za-z0-9]+))?(?:__[A-Za-z0-9]+)?$/;

const given = (authorization: string | undefined, keyParam: string | undefined): string => {
  if (authorization === undefined) return keyParam ?? '';
  const [scheme, credentials = ''] = authorization.split(' ', 2);
  if (scheme?.toLowerCase() === 'basic')
    return Buffer.from(credentials, 'base64').toString('utf8').split(':', 1)[0] ?? '';
  return credentials;
};

const masked = (key: string): string =>
  key.length < 12 ? '*'.repeat(key.length) : `${key.slice(0, 8)}${'*'.repeat(key.length - 12)}${key.slice(-4)}`;

/**
 * Whether this is a key (Stripe: "Authentication"): `sk_test_sandbox`, `pk_test_sandbox`, the same with `live`, with
 * `_<name>` for a further account, and with `__<anything>` for a further key of the same account.
 */
export const isKey = (key: string): boolean => KEY.test(key);

/** Reads the key of a request. Throws 401 for what is none, and for one that has expired. */
export const authenticate = (
  authorization: string | undefined,
  keyParam: string | undefined,
  expired: { has(key: string): boolean },
): Caller => {
  const key = given(authorization, keyParam);
  if (key === '')
    throw invalidRequest(
      "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for details, or we can help at https://support.stripe.com/.",
      { status: 401 },
    );
  const match = KEY.exec(key);
  if (!match)
    throw new ApiError(401, { type: 'invalid_request_error', message: `Invalid API Key provided: ${masked(key)}` });
  if (expired.has(key))
    throw invalidRequest(`Expired API Key provided: ${masked(key)}`, { status: 401, code: 'api_key_expired' });
  return { account: `acct_${match[3] ?? 'sandbox'}`, livemode: match[2] === 'live', publishable: match[1] === 'pk' };
};

/** Where an account's rows of one mode are kept. */
export const partitionOf = ({ account, livemode }: Pick<Caller, 'account' | 'livemode'>): string =>
  `${account}:${livemode ? 'live' : 'test'}`;

/** The reverse of `partitionOf`. */
export const partitionOwner = (partition: string): Pick<Caller, 'account' | 'livemode'> => {
  const [account = '', mode] = partition.split(':', 2);
  return { account, livemode: mode === 'live' };
};
