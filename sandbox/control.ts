import { isKey, partitionOwner } from './accounts.js';
import { createBillingDoors } from './billing-control.js';
import type { Clock } from './clock.js';
import {
  ControlError,
  isHash,
  type JsonHash,
  onlyNames,
  optionalBoolean,
  optionalNumber,
  optionalString,
  readJson,
  string,
} from './control-body.js';
import { money } from './currencies.js';
import type { Deliveries, Delivery } from './deliveries.js';
import { ApiError } from './errors.js';
import type { ExpiredKeys } from './expired-keys.js';
import { FAULT_KINDS, type Faults } from './faults.js';
import type { Kind, StripeObject } from './kind.js';
import { authenticationPage, page, Redirect } from './pages.js';
import type { LoggedRequest, RequestLog } from './request-log.js';
import { charges } from './resources/charge-row.js';
import { closeDispute, DISPUTE_ENDS, disputes, escalateDispute, openDispute } from './resources/dispute.js';
import { events, publicEvent } from './resources/event.js';
import { authenticate, payLate } from './resources/payment-intent.js';
import { paymentIntents } from './resources/payment-intent-row.js';
import { failRefund, succeedRefund } from './resources/refund.js';
import { refunds } from './resources/refund-row.js';
import { authenticateSetup } from './resources/setup-intent-flow.js';
import { setupIntents } from './resources/setup-intent-row.js';
import type { Scheduler } from './scheduler.js';
import type { OpenScope, Scope } from './scope.js';
import type { Store } from './store.js';

export interface ControlAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface ControlParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly faults: Faults;
  readonly deliveries: Deliveries;
  readonly log: RequestLog;
  readonly expiredKeys: ExpiredKeys;
  readonly openScope: OpenScope;
  readonly reset: () => Promise<void>;
}

interface ControlCall {
  readonly body: string;
  readonly query: URLSearchParams;
  /** The path's placeholder. */
  readonly id: string;
}
type Handler = (call: ControlCall) => object | string | Promise<object | string>;

const MOST_AT_ONCE = 20_000;

const answerAsPage = (body: string): ControlAnswer => ({
  status: 200,
  headers: { 'content-type': 'text/html; charset=utf-8' },
  body,
});

/** The scope in whose account and mode the object lives. */
const scopeOf = <T extends StripeObject>({ store, openScope }: ControlParts, kind: Kind<T>, id: string): Scope => {
  for (const partition of store.partitions())
    if (store.get(partition, kind, id)) return openScope(partitionOwner(partition));
  throw new ControlError(`There is no ${kind.table} '${id}'.`, 404);
};

const showRequest = ({ answer, ...rest }: LoggedRequest): object => ({
  ...rest,
  answer: answer === null ? null : (JSON.parse(answer) as unknown),
});

const showDelivery = (openScope: OpenScope, delivery: Delivery): object => {
  const scope = openScope(delivery);
  const event = scope.find(events, delivery.event);
  return {
    ...delivery,
    event: event ? { ...publicEvent(event), api_version: delivery.apiVersion } : { id: delivery.event },
  };
};

const paging = (query: URLSearchParams): { after: number; limit: number } => ({
  after: Number(query.get('after') ?? 0),
  limit: Number(query.get('limit') ?? MOST_AT_ONCE),
});

const addFault = (faults: Faults, body: JsonHash): object => {
  onlyNames(body, ['match', 'kind', 'times', 'status', 'delayMs', 'applied', 'saved']);
  const match = body['match'] ?? {};
  if (!isHash(match)) throw new ControlError('match must be an object.');
  onlyNames(match, ['method', 'path', 'eventType']);
  const kind = FAULT_KINDS.find((known) => known === body['kind']);
  if (!kind) throw new ControlError(`kind must be one of ${FAULT_KINDS.join(', ')}.`);
  const given = {
    method: optionalString(match, 'method'),
    path: optionalString(match, 'path'),
    eventType: optionalString(match, 'eventType'),
  };
  const concernsDeliveries = ['duplicate', 'reorder', 'drop', 'same-second'].includes(kind);
  const applied = optionalBoolean(body, 'applied') ?? kind === 'disconnect-after-apply';
  return faults.add({
    kind,
    match: {
      ...(given.method ? { method: given.method } : {}),
      ...(given.path ? { path: given.path } : {}),
      ...(given.eventType || concernsDeliveries ? { eventType: given.eventType ?? '*' } : {}),
    },
    times: optionalNumber(body, 'times') ?? 1,
    status: optionalNumber(body, 'status') ?? 500,
    delayMs: optionalNumber(body, 'delayMs') ?? (kind === 'delay' ? 500 : 0),
    applied,
    saved: optionalBoolean(body, 'saved') ?? applied,
  });
};

const addDispute = (parts: ControlParts, body: JsonHash): object => {
  onlyNames(body, ['payment_intent', 'charge', 'reason', 'amount', 'inquiry', 'is_charge_refundable']);
  const intent = optionalString(body, 'payment_intent');
  const scope =
    intent === undefined ? scopeOf(parts, charges, string(body, 'charge')) : scopeOf(parts, paymentIntents, intent);
  const chargeId = intent === undefined ? string(body, 'charge') : scope.get(paymentIntents, intent).latest_charge;
  if (chargeId === null) throw new ControlError('This payment intent has no charge to dispute.');
  return openDispute(scope, scope.get(charges, chargeId), {
    reason: optionalString(body, 'reason') ?? 'fraudulent',
    isInquiry: optionalBoolean(body, 'inquiry') ?? false,
    amount: optionalNumber(body, 'amount'),
    isChargeRefundable: optionalBoolean(body, 'is_charge_refundable'),
  });
};

const endDispute = (parts: ControlParts, id: string, body: JsonHash): object => {
  const asked = string(body, 'status');
  const status = DISPUTE_ENDS.find((end) => end === asked);
  if (!status) throw new ControlError(`status must be one of ${DISPUTE_ENDS.join(', ')}.`);
  const scope = scopeOf(parts, disputes, id);
  return closeDispute(scope, scope.get(disputes, id), status);
};

const escalate = (parts: ControlParts, id: string): object => {
  const scope = scopeOf(parts, disputes, id);
  return escalateDispute(scope, scope.get(disputes, id));
};

const endRefund = (parts: ControlParts, id: string, end: (scope: Scope, id: string) => void): object => {
  const scope = scopeOf(parts, refunds, id);
  end(scope, id);
  return scope.get(refunds, id);
};

const authenticateAny = (parts: ControlParts, id: string, outcome: string): object => {
  if (outcome !== 'complete' && outcome !== 'fail') throw new ControlError('outcome must be complete or fail.');
  return id.startsWith('seti_')
    ? authenticateSetup(scopeOf(parts, setupIntents, id), id, outcome)
    : authenticate(scopeOf(parts, paymentIntents, id), id, outcome);
};

const resendEvent = (parts: ControlParts, id: string, body: JsonHash): object => {
  onlyNames(body, ['apiVersion']);
  const scope = scopeOf(parts, events, id);
  const targets = parts.deliveries.resendEvent(scope, scope.get(events, id), optionalString(body, 'apiVersion'));
  return { event: id, endpoints: targets.map(({ endpoint }) => endpoint) };
};

const advance = async ({ scheduler, clock }: ControlParts, body: JsonHash): Promise<object> => {
  onlyNames(body, ['advanceSeconds']);
  const seconds = optionalNumber(body, 'advanceSeconds');
  if (seconds === undefined) throw new ControlError('advanceSeconds is missing.');
  await scheduler.advance(seconds);
  return { now: clock.now(), offsetSeconds: clock.offsetMs() / 1_000 };
};

const expireKey = ({ expiredKeys }: ControlParts, body: JsonHash): object => {
  onlyNames(body, ['key']);
  const key = string(body, 'key');
  if (!isKey(key)) throw new ControlError('key must be a key of the sandbox, as sk_test_sandbox__old.');
  expiredKeys.add(key);
  return { expired: true };
};

const showIntent = (parts: ControlParts, id: string): string => {
  if (id.startsWith('seti_'))
    return authenticationPage('saving this card', scopeOf(parts, setupIntents, id).get(setupIntents, id).status);
  const { amount, currency, status } = scopeOf(parts, paymentIntents, id).get(paymentIntents, id);
  return authenticationPage(`${money(amount, currency)} ${currency.toUpperCase()}`, status);
};

/** Where the customer goes after the bank's page (Stripe: "Redirect the customer to your website"). */
const returnTo = (before: object | null, id: string, secret: string, isGood: boolean): ControlAnswer => {
  const redirect: unknown = before && Reflect.get(before, 'redirect_to_url');
  const returnUrl = isHash(redirect) ? redirect['return_url'] : undefined;
  if (typeof returnUrl !== 'string')
    return answerAsPage(
      page('Done', `<p>The authentication ${isGood ? 'is complete' : 'failed'}. You can close this page.</p>`),
    );
  const target = new URL(returnUrl);
  const name = id.startsWith('seti_') ? 'setup_intent' : 'payment_intent';
  target.searchParams.set(name, id);
  target.searchParams.set(`${name}_client_secret`, secret);
  target.searchParams.set('redirect_status', isGood ? 'succeeded' : 'failed');
  return { status: 303, headers: { location: target.href }, body: '' };
};

/** What the bank's page was told. With `answer=json` the page goes on by itself, to the place that the answer names. */
const submitPage = (parts: ControlParts, id: string, body: string): ControlAnswer => {
  const form = new URLSearchParams(body);
  const outcome = form.get('outcome') ?? '';
  const intent = id.startsWith('seti_')
    ? scopeOf(parts, setupIntents, id).get(setupIntents, id)
    : scopeOf(parts, paymentIntents, id).get(paymentIntents, id);
  const action = intent.next_action;
  authenticateAny(parts, id, outcome);
  const answer = returnTo(action, id, intent.client_secret, intent.status !== 'requires_payment_method');
  return form.get('answer') === 'json' ? json(200, { location: answer.headers['location'] ?? null }) : answer;
};

type Doors = Readonly<Record<string, Handler>>;

const trafficDoors = (parts: ControlParts): Doors => {
  const { log, deliveries, openScope } = parts;
  return {
    'POST /reset': async () => {
      await parts.reset();
      return { reset: true };
    },
    'GET /requests': ({ query }) => {
      const { after, limit } = paging(query);
      return { total: log.total(), data: log.page(after, limit).map(showRequest) };
    },
    'GET /deliveries': ({ query }) => {
      const { after, limit } = paging(query);
      const all = [...deliveries.list()];
      return {
        total: all.length,
        data: all.slice(after, after + limit).map((delivery) => showDelivery(openScope, delivery)),
      };
    },
    'POST /deliveries/:id/resend': ({ id }) => {
      const delivery = deliveries.find(id);
      if (!delivery) throw new ControlError(`There is no delivery '${id}'.`, 404);
      deliveries.resend(id);
      return showDelivery(openScope, delivery);
    },
    'POST /events/:id/resend': ({ id, body }) => resendEvent(parts, id, readJson(body)),
  };
};

const clockAndFaultDoors = (parts: ControlParts): Doors => {
  const { clock, faults } = parts;
  return {
    'GET /clock': () => ({ now: clock.now(), offsetSeconds: clock.offsetMs() / 1_000 }),
    'POST /clock': ({ body }) => advance(parts, readJson(body)),
    'GET /faults': () => ({ data: faults.list() }),
    'POST /faults': ({ body }) => addFault(faults, readJson(body)),
    'DELETE /faults': () => {
      faults.clear();
      return { cleared: true };
    },
  };
};

const objectDoors = (parts: ControlParts): Doors => ({
  'POST /keys/expire': ({ body }) => expireKey(parts, readJson(body)),
  'POST /disputes': ({ body }) => addDispute(parts, readJson(body)),
  'POST /disputes/:id/close': ({ id, body }) => endDispute(parts, id, readJson(body)),
  'POST /disputes/:id/escalate': ({ id }) => escalate(parts, id),
  'POST /refunds/:id/fail': ({ id }) => endRefund(parts, id, failRefund),
  'POST /refunds/:id/succeed': ({ id }) => endRefund(parts, id, succeedRefund),
  'POST /payment_intents/:id/authenticate': ({ id, body }) =>
    authenticateAny(parts, id, optionalString(readJson(body), 'outcome') ?? 'complete'),
  'POST /payment_intents/:id/succeed_late': ({ id, body }) =>
    payLate(scopeOf(parts, paymentIntents, id), id, optionalString(readJson(body), 'payment_method') ?? 'pm_card_visa'),
  'POST /setup_intents/:id/authenticate': ({ id, body }) =>
    authenticateAny(parts, id, optionalString(readJson(body), 'outcome') ?? 'complete'),
});

const pageDoors = (parts: ControlParts): Doors => ({
  'GET /3ds/:id': ({ id }) => showIntent(parts, id),
  'GET /receipts/:id': ({ id }) => {
    const { amount_received: amount, currency } = scopeOf(parts, paymentIntents, id).get(paymentIntents, id);
    return page('Receipt', `<p>${money(amount, currency)} ${currency.toUpperCase()} for ${id}</p>`);
  },
});

const find = (doors: Doors, method: string, pathname: string): { handler: Handler; id: string } | undefined => {
  const segments = pathname.split('/').slice(2);
  for (const [door, handler] of Object.entries(doors)) {
    const [verb, template = ''] = door.split(' ');
    const wanted = template.split('/').slice(1);
    const fits = wanted.every((name, at) => (name === ':id' ? segments[at] !== '' : segments[at] === name));
    if (verb !== method || wanted.length !== segments.length || !fits) continue;
    return { handler, id: segments[wanted.indexOf(':id')] ?? '' };
  }
  return undefined;
};

const json = (status: number, value: object): ControlAnswer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value),
});

/** The doors under `/_sandbox`, for tests, demos and people; `docs/sandbox.md` lists them. */
export const createControl = (parts: ControlParts) => {
  const doors: Doors = {
    ...createBillingDoors({ openScope: parts.openScope, scopeOf: (kind, id) => scopeOf(parts, kind, id) }),
    ...trafficDoors(parts),
    ...clockAndFaultDoors(parts),
    ...objectDoors(parts),
    ...pageDoors(parts),
  };

  return {
    handle: async (method: string, url: string, body: string): Promise<ControlAnswer> => {
      const { pathname, searchParams: query } = new URL(url, 'http://sandbox');
      try {
        const formPage = /^\/_sandbox\/3ds\/([^/]+)$/.exec(pathname);
        if (method === 'POST' && formPage?.[1]) return submitPage(parts, formPage[1], body);
        const found = find(doors, method, pathname);
        if (!found)
          throw new ControlError(`There is no ${method} ${pathname}; there are ${Object.keys(doors).join(', ')}.`, 404);
        const answer = await found.handler({ body, query, id: found.id });
        if (answer instanceof Redirect) return { status: 303, headers: { location: answer.location }, body: '' };
        return typeof answer === 'string' ? answerAsPage(answer) : json(200, answer);
      } catch (error) {
        if (error instanceof ControlError) return json(error.status, { error: { message: error.message } });
        if (error instanceof ApiError) return json(error.status, { error: error.body });
        throw error;
      }
    },
  };
};
