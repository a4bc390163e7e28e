import { authenticate, type Caller } from './accounts.js';
import type { Clock } from './clock.js';
import { ApiError, invalidRequest, leftOut } from './errors.js';
import type { Expand } from './expansion.js';
import type { Fault, Faults } from './faults.js';
import { canonicalForm, type FormHash, parseForm } from './form.js';
import type { Idempotency } from './idempotency.js';
import { randomText } from './ids.js';
import type { RequestLog } from './request-log.js';
import type { Match } from './router.js';
import type { OpenScope } from './scope.js';
import { API_VERSION } from './version.js';

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

/** The pipeline of a request: key, version, route, fault, idempotency, parameters, work, answer, log. */
export const createApi = (parts: ApiParts): Api => {
  const { clock, faults, idempotency, log, match, openScope, expand } = parts;
  let underWay = 0;
  let lastEndedAt = 0;

  const errorText = (error: ApiError, { requestId, caller }: Exchange): string => {
    const { code } = error.body;
    const mode = caller?.livemode ? '' : 'test/';
    return JSON.stringify({
      error: {
        ...error.body,
        ...(code ? { doc_url: `https://stripe.com/docs/error-codes/${code.replaceAll('_', '-')}` } : {}),
        ...(caller
          ? { request_log_url: `https://dashboard.stripe.com/${mode}logs/${requestId}?t=${clock.now()}` }
          : {}),
      },
    });
  };

  const failure = (error: unknown, exchange: Exchange): Outcome => {
    if (error instanceof ApiError) {
      const retry: Record<string, string> = error.status === 409 ? { 'stripe-should-retry': 'true' } : {};
      return { status: error.status, body: errorText(error, exchange), headers: retry };
    }
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const broken = new ApiError(500, { type: 'api_error', message: `The sandbox itself failed: ${detail}` });
    return { status: 500, body: errorText(broken, exchange), headers: {} };
  };

  const faultError = ({ status }: Fault): ApiError =>
    status === 429
      ? new ApiError(429, {
          type: 'invalid_request_error',
          code: 'rate_limit',
          message:
            'Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.',
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

  const admit = (exchange: Exchange): Match => {
    const { request, pathname, query } = exchange;
    const keyParam = /(?:^|&)key=([^&]+)/.exec(`${query}&${request.body}`)?.[1];
    const caller = authenticate(request.headers['authorization'], keyParam);
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

  const perform = (
    exchange: Exchange,
    caller: Caller,
    form: FormHash,
    work: ReturnType<Match['route']['prepare']>,
  ): Outcome => {
    const { requestId, key } = exchange;
    const scope = openScope(caller, { id: requestId, idempotency_key: key ?? null });
    const paths = typeof form['expand'] === 'object' ? Object.values(form['expand']).map(String) : [];
    try {
      const answer = work(scope);
      return { status: 200, body: JSON.stringify(expand(scope, answer, paths)), headers: {} };
    } catch (error) {
      return failure(error, exchange);
    }
  };

  const keyed = async (
    exchange: Exchange,
    caller: Caller,
    form: FormHash,
    { route, path }: Match,
  ): Promise<Outcome> => {
    const { key, pathname, requestId } = exchange;
    const parameters = canonicalForm(form);
    if (key !== undefined) {
      const kept = idempotency.begin(caller, key, pathname, parameters);
      if (kept)
        return {
          status: kept.status,
          body: kept.body,
          headers: { 'idempotent-replayed': 'true', 'original-request': kept.requestId },
          replayed: true,
        };
    }
    try {
      const { fault } = exchange;
      if (fault?.kind === 'delay' && !fault.applied) await wait(fault.delayMs);
      const work = route.prepare(form, path, caller);
      const isRefused = fault?.kind === 'status' && !fault.applied;
      const outcome = isRefused ? failure(faultError(fault), exchange) : perform(exchange, caller, form, work);
      const answer = fault?.kind === 'status' && fault.applied ? failure(faultError(fault), exchange) : outcome;
      const isKept = fault?.kind === 'status' ? fault.saved : answer.status !== 429;
      if (key !== undefined && isKept)
        idempotency.keep(
          caller,
          key,
          { path: pathname, status: answer.status, body: answer.body, requestId },
          parameters,
        );
      if (fault?.kind === 'delay' && fault.applied) await wait(fault.delayMs);
      return isKept && answer.status >= 500 ? { ...answer, headers: { 'stripe-should-retry': 'false' } } : answer;
    } finally {
      if (key !== undefined) idempotency.end(caller, key);
    }
  };

  const hang = ({ request, fault }: Exchange): Promise<void> =>
    Promise.race([request.gone, waitIdly(fault && fault.delayMs > 0 ? fault.delayMs : LONGEST_HANG_MS)]);

  const run = async (exchange: Exchange): Promise<Outcome | null> => {
    try {
      const found = admit(exchange);
      const { caller, request, pathname } = exchange;
      if (!caller) throw new Error('no caller');
      const fault = faults.takeForRequest(request.method, pathname);
      exchange.fault = fault;
      if (fault?.kind === 'timeout' && !fault.applied) {
        await hang(exchange);
        return null;
      }
      const outcome = await keyed(exchange, caller, formOf(exchange), found);
      if (fault?.kind === 'timeout') await hang(exchange);
      return fault?.kind === 'timeout' || fault?.kind === 'disconnect-after-apply' ? null : outcome;
    } catch (error) {
      return failure(error, exchange);
    }
  };

  const commonHeaders = ({ requestId, key, request }: Exchange, outcome: Outcome): Record<string, string> => ({
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

  const handle = async (request: ApiRequest): Promise<ApiAnswer | null> => {
    const [pathname = '', query = ''] = request.url.split('?', 2);
    const key = request.method === 'POST' ? request.headers['idempotency-key'] : undefined;
    const exchange: Exchange = { request, requestId: `req_${randomText(14)}`, pathname, query, key };
    const n = log.nextNumber();
    const atMs = Date.now();
    underWay += 1;
    const outcome = await run(exchange);
    underWay -= 1;
    lastEndedAt = Date.now();
    const headers: Record<string, string> = {};
    for (const name of LOGGED_HEADERS) if (request.headers[name] !== undefined) headers[name] = request.headers[name];
    log.add({
      n,
      id: exchange.requestId,
      atMs,
      durationMs: lastEndedAt - atMs,
      method: request.method,
      path: request.url,
      headers,
      body: request.body,
      idempotencyKey: key ?? null,
      status: outcome?.status ?? null,
      answer: outcome?.body ?? null,
      replayed: outcome?.replayed ?? false,
      fault: exchange.fault?.kind ?? null,
    });
    return outcome && { status: outcome.status, body: outcome.body, headers: commonHeaders(exchange, outcome) };
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
