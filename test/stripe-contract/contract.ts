import { readFileSync } from 'node:fs';
import { makeValidator } from './validate-objects.mjs';
import { makeRequestChecker } from './validate-requests.mjs';

/** A request to Stripe's API as the sandbox logs it. */
export interface ContractRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

interface Finding {
  readonly level: string;
  readonly path?: string;
  readonly param?: string;
  readonly msg: string;
}

const spec = JSON.parse(readFileSync(new URL('./stripe-spec-trimmed.json', import.meta.url), 'utf8'));
const objects: { check(object: unknown): Finding[] } = makeValidator(spec);
const requests: { check(request: object): { violations: Finding[] } } = makeRequestChecker(spec);

const COUNTED = new Set(['error', 'absent', 'unknown']);

const isHash = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const describe = (about: string, findings: readonly Finding[]): string[] =>
  findings
    .filter(({ level }) => COUNTED.has(level))
    .map(({ level, path, param, msg }) => `${about}: ${level} ${path ?? param ?? ''}: ${msg}`);

/** What an answer carries: itself, its items, or the objects inside an error. */
const parts = (answer: unknown): unknown[] => {
  if (!isHash(answer)) return [answer];
  const { error } = answer;
  if (isHash(error))
    return [answer, ...['payment_intent', 'payment_method', 'setup_intent'].flatMap((name) => (isHash(error[name]) ? [error[name]] : []))];
  return answer['object'] === 'list' && Array.isArray(answer['data']) && answer['data'].length > 0 ? answer['data'] : [answer];
};

const isRefusal = (status: number, answer: unknown): boolean =>
  status >= 400 && status < 500 && isHash(answer) && isHash(answer['error']) && answer['error']['type'] === 'invalid_request_error';

export interface Checked {
  readonly violations: readonly string[];
  /** What was wrong with a request that was answered with Stripe's error for it; such a request did no harm. */
  readonly refused: readonly string[];
  readonly objects: number;
}

/**
 * Checks a request and the answer it got. A wrong request is a violation unless it was refused with an
 * `invalid_request_error`. A browser's answers lack fields; what they have must be right.
 */
export const checkExchange = (request: ContractRequest, status: number | null, answer: unknown): Checked => {
  const about = `${request.method} ${request.path.split('?')[0]} → ${status}`;
  const asked = describe(about, requests.check({ ...request, url: request.path }).violations);
  if (status === null) return { violations: asked, refused: [], objects: 0 };
  const isBrowser = (request.headers['authorization'] ?? '').startsWith('Bearer pk_');
  const answered = parts(answer).flatMap((part) =>
    describe(about, objects.check(part).filter(({ level, msg }) => !isBrowser || (level !== 'absent' && !msg.startsWith('required')))),
  );
  const wasRefused = isRefusal(status, answer);
  return {
    violations: wasRefused ? answered : [...asked, ...answered],
    refused: wasRefused ? asked : [],
    objects: parts(answer).length,
  };
};

/** Checks an event with the object in it. */
export const checkEvent = (event: unknown): readonly string[] =>
  describe(`event ${isHash(event) ? String(event['type']) : ''}`, objects.check(event));

/** Counts what was checked over a run. */
export interface ContractReport {
  addExchange(request: ContractRequest, status: number | null, answer: unknown): void;
  addEvent(event: unknown): void;
  /** Adds all that a sandbox was asked, answered and sent since the last call for it. */
  addSandbox(url: string): Promise<void>;
  readonly requests: number;
  readonly objects: number;
  readonly violations: readonly string[];
  readonly refused: readonly string[];
}

interface LoggedRequest extends ContractRequest {
  readonly n: number;
  readonly status: number | null;
  readonly answer: unknown;
}
interface LoggedDelivery {
  readonly event: Record<string, unknown>;
}

/** Asks again once: a kept connection may be closed by the server in the very moment it is used. */
export const readLog = async <T>(url: string): Promise<{ total: number; data: T[] }> => {
  const response = await fetch(url).catch(() => fetch(url));
  return (await response.json()) as { total: number; data: T[] };
};

/** An empty report. */
export const createContractReport = (): ContractReport => {
  const violations: string[] = [];
  const refused: string[] = [];
  const seen = new Map<string, { requests: number; deliveries: number }>();
  let requestCount = 0;
  let objectCount = 0;

  const addExchange = (request: ContractRequest, status: number | null, answer: unknown): void => {
    const checked = checkExchange(request, status, answer);
    requestCount += 1;
    objectCount += checked.objects;
    violations.push(...checked.violations);
    refused.push(...checked.refused);
  };
  const addEvent = (event: unknown): void => {
    objectCount += 1;
    violations.push(...checkEvent(event));
  };

  return {
    addExchange,
    addEvent,
    addSandbox: async (url) => {
      const { total } = await readLog<LoggedRequest>(`${url}/_sandbox/requests?limit=0`);
      const last = seen.get(url);
      // A sandbox that was reset counts from the beginning again.
      const from = last && last.requests <= total ? last : { requests: 0, deliveries: 0 };
      const logged = await readLog<LoggedRequest>(`${url}/_sandbox/requests?after=${from.requests}`);
      const sent = await readLog<LoggedDelivery>(`${url}/_sandbox/deliveries?after=${from.deliveries}`);
      seen.set(url, { requests: logged.data.at(-1)?.n ?? from.requests, deliveries: sent.total });
      for (const { status, answer, ...request } of logged.data) addExchange(request, status, answer);
      for (const { event } of sent.data) if ('type' in event) addEvent(event);
    },
    get requests() {
      return requestCount;
    },
    get objects() {
      return objectCount;
    },
    violations,
    refused,
  };
};
