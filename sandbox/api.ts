import { authenticate, type Caller } from './accounts.js';
import type { Clock } from './clock.js';
import { ApiError, invalidRequest, leftOut } from './errors.js';
import type { Expand } from './expansion.js';
import type { ExpiredKeys } from './expired-keys.js';
import type { Fault, Faults } from './faults.js';
import { canonicalForm, type FormHash, parseForm } from './form.js';
import type { Idempotency } from './idempotency.js';
import { randomText } from './ids.js';
import type { RequestLog } from './request-log.js';
import type { Match } from './router.js';
import type { OpenScope } from './scope.js';
import { API_VERSION } from './version.js';
import type { Mislead } from './wrong-answers.js';

export interface ApiRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
  /** Resolves when the client has gone. */
  readonly gone: Promise<void>;
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface ApiParts {
  readonly clock: Clock;
  readonly faults: Faults;
  readonly idempotency: Idempotency;
  readonly log: RequestLog;
  readonly match: (method: string, pathname: string) => Match;
  readonly openScope: OpenScope;
  readonly expand: Expand;
  readonly mislead: Mislead;
  readonly expiredKeys: ExpiredKeys;
}

/** Answers Stripe's API; null means that the connection is to be cut without an answer. */
export interface Api {
  handle(request: ApiRequest): Promise<ApiAnswer | null>;
  /** Resolves when no request has come or been under way for `ms`. */
  quiet(ms: number): Promise<void>;
}

interface Outcome {
  readonly status: number;
  readonly body: string;
  readonly headers: Record<string, string>;
  readonly replayed?: boolean;
}

/** What one request has found out about itself so far. */
interface Exchange {
  readonly request: ApiRequest;
  readonly requestId: string;
  readonly pathname: string;
  readonly query: string;
  readonly key: string | undefined;
  caller?: Caller;
  fault?: Fault | undefined;
}

/** What the work of a request is done with. */
interface Call {
  readonly caller: Caller;
  readonly form: FormHash;
  readonly work: ReturnType<Match['route']['prepare']>;
}

interface KeyedCall extends Omit<Call, 'work'> {
  /** The form in one order: the same key with other parameters is an error. */
  readonly parameters: string;
  readonly found: Match;
}

const LOGGED_HEADERS = [
  'authorization',
  'content-type',
  'stripe-version',
  'idempotency-key',
  'stripe-account',
  'user-agent',
];
const BROWSER_EXTRAS = [
  'key',
  '_stripe_version',
  '_stripe_account',
  'payment_user_agent',
  'client_attribution_metadata',
  'guid',
  'muid',
  'sid',
  'time_on_page',
  'referrer',
  'pasted_fields',
  'expected_payment_method_type',
  'radar_options',
];
const LONGEST_HANG_MS = 120_000;

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A wait that doesn't keep the process alive: its client may be gone long before. */
const waitIdly = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref());

const withoutBrowserExtras = (form: FormHash): FormHash =>
  Object.fromEntries(Object.entries(form).filter(([name]) => !BROWSER_EXTRAS.includes(name)));

const errorText = (clock: Clock, error: ApiError, { requestId, caller }: Exchange): string => {
  const { code } = error.body;
  const mode = caller?.livemode ? '' : 'test/';
  return JSON.stringify({
    error: {
      ...error.body,
      ...(code ? { doc_url: `https://stripe.com/docs/error-codes/${code.replaceAll('_', '-')}` } : {}),
      ...(caller ? { request_log_url: `https://dashboard.stripe.com/${mode}logs/${requestId}?t=${clock.now()}` } : {}),
    },
  });
};

const failure = (clock: Clock, error: unknown, exchange: Exchange): Outcome => {
  if (error instanceof ApiError) {
    const retry: Record<string, string> = error.status === 409 ? { 'stripe-should-retry': 'true' } : {};
    return { status: error.status, body: errorText(clock, error, exchange), headers: retry };
  }
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const broken = new ApiError(500, { type: 'api_error', message: `The sandbox itself failed: ${detail}` });
  return { status: 500, body: errorText(clock, broken, exchange), headers: {} };
};

const faultError = ({ status }: Fault): ApiError =>
  status === 429
    ? new ApiError(429, {
        type: 'invalid_request_error',
        code: 'rate_limit',
        message: 'Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.',
      })
    : new ApiError(status, {
        type: status >= 500 ? 'api_error' : 'invalid_request_error',
        message: `An unknown error occurred (sandbox fault ${status}).`,
      });

const checkVersion = (version: string | undefined): void => {
  if (version !== undefined && version !== API_VERSION)
    throw invalidRequest(`Invalid Stripe API version: ${version}. The sandbox speaks ${API_VERSION} only.`);
};

const formOf = ({ request, query, caller }: Exchange): FormHash => {
  const type = request.headers['content-type'] ?? '';
  if (request.body !== '' && !type.startsWith('application/x-www-form-urlencoded'))
    throw invalidRequest(
      `Invalid content type: ${type || 'none'}. API v1 reads application/x-www-form-urlencoded parameters.`,
    );
  const form = { ...parseForm(query), ...parseForm(request.body) };
  return caller?.publishable ? withoutBrowserExtras(form) : form;
};

const admit = ({ match, expiredKeys }: ApiParts, exchange: Exchange): Match => {
  const { request, pathname, query } = exchange;
  const keyParam = /(?:^|&)key=([^&]+)/.exec(`${query}&${request.body}`)?.[1];
  const caller = authenticate(request.headers['authorization'], keyParam, expiredKeys);
  exchange.caller = caller;
  checkVersion(request.headers['stripe-version']);
  const found = match(request.method, pathname);
  if (caller.publishable && !found.route.publishable)
    throw invalidRequest(
      'This API call cannot be made with a publishable API key. Please use a secret API key. You can find a list of your API keys at https://dashboard.stripe.com/account/apikeys.',
      { status: 401, code: 'secret_key_required' },
    );
  const on = request.headers['stripe-account'];
  if (on !== undefined && on !== caller.account) throw leftOut('Connect');
  return found;
};

const pathsOf = (form: FormHash): readonly string[] =>
  typeof form['expand'] === 'object' ? Object.values(form['expand']).map(String) : [];

const perform = (parts: ApiParts, exchange: Exchange, { caller, form, work }: Call): Outcome => {
  const { clock, openScope, expand } = parts;
  const { requestId, key } = exchange;
  const scope = openScope(caller, { id: requestId, idempotency_key: key ?? null });
  try {
    const answer = work(scope);
    return { status: 200, body: JSON.stringify(expand(scope, answer, pathsOf(form))), headers: {} };
  } catch (error) {
    return failure(clock, error, exchange);
  }
};

/** What was answered under the key before; undefined where the request is to be worked on, with its key in use from now on. */
const replay = ({ idempotency }: ApiParts, { key, pathname }: Exchange, call: KeyedCall): Outcome | undefined => {
  const kept = key === undefined ? undefined : idempotency.begin(call.caller, key, pathname, call.parameters);
  if (!kept) return undefined;
  return {
    status: kept.status,
    body: kept.body,
    headers: { 'idempotent-replayed': 'true', 'original-request': kept.requestId },
    replayed: true,
  };
};

/** Works, or fails as the fault says, and keeps the answer under the key. */
const answer = async (parts: ApiParts, exchange: Exchange, call: KeyedCall): Promise<Outcome> => {
  const { clock, idempotency } = parts;
  const { key, pathname, requestId, fault } = exchange;
  const { caller, form, parameters, found } = call;
  if (fault?.kind === 'delay' && !fault.applied) await wait(fault.delayMs);
  const work = found.route.prepare(form, found.path, caller);
  const fail = (by: Fault): Outcome => failure(clock, faultError(by), exchange);
  const isRefused = fault?.kind === 'status' && !fault.applied;
  const outcome = isRefused ? fail(fault) : perform(parts, exchange, { caller, form, work });
  const answered = fault?.kind === 'status' && fault.applied ? fail(fault) : outcome;
  const isKept = fault?.kind === 'status' ? fault.saved : answered.status !== 429;
  if (key !== undefined && isKept) {
    const kept = { path: pathname, status: answered.status, body: answered.body, requestId };
    idempotency.keep(caller, key, kept, parameters);
  }
  if (fault?.kind === 'delay' && fault.applied) await wait(fault.delayMs);
  return isKept && answered.status >= 500 ? { ...answered, headers: { 'stripe-should-retry': 'false' } } : answered;
};

/** Answers once per idempotency key. */
const keyed = async (parts: ApiParts, exchange: Exchange, call: KeyedCall): Promise<Outcome> => {
  const replayed = replay(parts, exchange, call);
  if (replayed) return replayed;
  try {
    return await answer(parts, exchange, call);
  } finally {
    if (exchange.key !== undefined) parts.idempotency.end(call.caller, exchange.key);
  }
};

/** The same answer, or what the fault puts in place of its object; what was done, and what the key keeps, stays as it is. */
const disguise = (parts: ApiParts, { fault, caller }: Exchange, outcome: Outcome, form: FormHash): Outcome => {
  if (!caller || outcome.status !== 200 || (fault?.kind !== 'older' && fault?.kind !== 'another')) return outcome;
  const scope = parts.openScope(caller);
  const wrong = parts.mislead(scope, fault.kind, JSON.parse(outcome.body) as object);
  return wrong ? { ...outcome, body: JSON.stringify(parts.expand(scope, wrong, pathsOf(form))) } : outcome;
};

const hang = ({ request, fault }: Exchange): Promise<void> =>
  Promise.race([request.gone, waitIdly(fault && fault.delayMs > 0 ? fault.delayMs : LONGEST_HANG_MS)]);

const run = async (parts: ApiParts, exchange: Exchange): Promise<Outcome | null> => {
  try {
    const found = admit(parts, exchange);
    const { caller, request, pathname } = exchange;
    if (!caller) throw new Error('no caller');
    const fault = parts.faults.takeForRequest(request.method, pathname);
    exchange.fault = fault;
    if (fault?.kind === 'timeout' && !fault.applied) {
      await hang(exchange);
      return null;
    }
    const form = formOf(exchange);
    const outcome = await keyed(parts, exchange, { caller, form, parameters: canonicalForm(form), found });
    if (fault?.kind === 'timeout') await hang(exchange);
    if (fault?.kind === 'timeout' || fault?.kind === 'disconnect-after-apply') return null;
    return disguise(parts, exchange, outcome, form);
  } catch (error) {
    return failure(parts.clock, error, exchange);
  }
};

const commonHeaders = (
  clock: Clock,
  { requestId, key, request }: Exchange,
  outcome: Outcome,
): Record<string, string> => ({
  'content-type': 'application/json',
  'request-id': requestId,
  'stripe-version': request.headers['stripe-version'] ?? API_VERSION,
  date: new Date(clock.nowMs()).toUTCString(),
  'cache-control': 'no-cache, no-store',
  'access-control-allow-origin': '*',
  'access-control-expose-headers':
    'Request-Id, Stripe-Manage-Version, Stripe-Should-Retry, X-Stripe-External-Auth-Required',
  ...(key === undefined ? {} : { 'idempotency-key': key, 'original-request': requestId }),
  ...(outcome.status === 401 ? { 'www-authenticate': 'Basic realm="Stripe"' } : {}),
  ...outcome.headers,
});

const loggedHeaders = (request: ApiRequest): Record<string, string> => {
  const headers: Record<string, string> = {};
  for (const name of LOGGED_HEADERS) if (request.headers[name] !== undefined) headers[name] = request.headers[name];
  return headers;
};

const startExchange = (request: ApiRequest): Exchange => {
  const [pathname = '', query = ''] = request.url.split('?', 2);
  const key = request.method === 'POST' ? request.headers['idempotency-key'] : undefined;
  return { request, requestId: `req_${randomText(14)}`, pathname, query, key };
};

/** The pipeline of a request: key, version, route, fault, idempotency, parameters, work, answer, log. */
export const createApi = (parts: ApiParts): Api => {
  const { clock, log } = parts;
  let underWay = 0;
  let lastEndedAt = 0;

  const handle = async (request: ApiRequest): Promise<ApiAnswer | null> => {
    const exchange = startExchange(request);
    const n = log.nextNumber();
    const atMs = Date.now();
    underWay += 1;
    const outcome = await run(parts, exchange);
    underWay -= 1;
    lastEndedAt = Date.now();
    log.add({
      n,
      id: exchange.requestId,
      atMs,
      durationMs: lastEndedAt - atMs,
      method: request.method,
      path: request.url,
      headers: loggedHeaders(request),
      body: request.body,
      idempotencyKey: exchange.key ?? null,
      status: outcome?.status ?? null,
      answer: outcome?.body ?? null,
      replayed: outcome?.replayed ?? false,
      fault: exchange.fault?.kind ?? null,
    });
    return outcome && { status: outcome.status, body: outcome.body, headers: commonHeaders(clock, exchange, outcome) };
  };

  return {
    handle,
    quiet: async (ms) => {
      let since = Date.now();
      while (underWay > 0 || Date.now() - Math.max(since, lastEndedAt) < ms) {
        if (underWay > 0) since = Date.now();
        await wait(Math.max(5, ms - (Date.now() - Math.max(since, lastEndedAt))));
      }
    },
  };
};
