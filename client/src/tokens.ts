/** Fetches a fresh token of the person at the screen from your own back end; undefined: nobody is logged in. */
export type TokenSource = () => Promise<string | undefined>;

/** Keeps one token for as long as it serves. */
export interface Tokens {
  /** The token in use; a fresh one when it is about to end or was refused. Callers at the same time share one fetch. */
  current(): Promise<string | undefined>;
  /** The server did not take this token: the next `current` fetches another. Twice changes nothing. */
  refuse(token: string | undefined): void;
}

/** A token is renewed this long before it ends, so that no request carries one that ends on its way. */
const EARLY_MS = 30_000;

/** Wraps a source so that it is asked only when needed. */
export const createTokens = (source: TokenSource): Tokens => {
  let kept: { readonly token: string | undefined; readonly endsAtMs: number } | undefined;
  let fetching: Promise<string | undefined> | undefined;

  const fetchToken = async (): Promise<string | undefined> => {
    try {
      const token = await source();
      kept = { token, endsAtMs: endOf(token) };
      return token;
    } finally {
      fetching = undefined;
    }
  };

  return {
    current() {
      if (kept && Date.now() < kept.endsAtMs - EARLY_MS) return Promise.resolve(kept.token);
      fetching ??= fetchToken();
      return fetching;
    },
    refuse(token) {
      if (kept?.token === token) kept = undefined;
    },
  };
};

/** When a JWT ends (RFC 7519, "exp"), in milliseconds; never for a token that doesn't say. */
const endOf = (token: string | undefined): number => {
  try {
    const payload = (token ?? '').split('.')[1] ?? '';
    const claims: unknown = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')));
    const end: unknown = typeof claims === 'object' && claims !== null ? Reflect.get(claims, 'exp') : undefined;
    return typeof end === 'number' ? end * 1_000 : Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
};
