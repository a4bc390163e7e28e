import pg from 'pg';
import type Stripe from 'stripe';
import { startSandbox } from '../sandbox/sandbox.js';
import { insertOrder } from './actions.js';
import { type BugName, bugOf } from './bugs.js';
import { observeAll, withoutTrouble } from './flows.js';
import type { Lab } from './lab.js';
import type { Operation } from './linearizable.js';
import { isLinearizable, type OrderInput, type OrderOutput, PRICE } from './order-model.js';
import type { Account } from './people.js';
import { createRandom, type Random } from './random.js';
import { type ServerLife, startServer } from './server.js';
import { callControl, connectStripe, Refused, send, signTokens } from './world.js';

/** What happened to one order, and whether it might have happened one after the other. */
export interface OrderHistory {
  readonly seed: number;
  readonly operations: readonly Operation<OrderInput, OrderOutput>[];
  readonly isLinearizable: boolean;
}

/** Two servers on one database, and a Stripe that loses answers. */
interface Stage {
  readonly servers: readonly ServerLife[];
  readonly stripe: Stripe;
  readonly tokens: Readonly<Record<Account, string>>;
  placeOrder(): Promise<string>;
  /** Makes Stripe lose the answer to the next write to this path. */
  loseAnswer(path: string, kind: (typeof LOSSES)[number]): Promise<unknown>;
}

/** One order, and what its clients know of it. */
interface Play {
  readonly stage: Stage;
  readonly orderId: string;
  readonly random: Random;
  readonly operations: Operation<OrderInput, OrderOutput>[];
  /** Payments that somebody was told of, and their intents. */
  readonly intents: Map<string, string>;
  /** Answers that nobody waits for. */
  readonly lost: Promise<unknown>[];
}

const CLIENTS = 4;
const CALLS = 5;
const LOST = 0.1;
const FAULTY = 0.1;
const AMOUNTS = [PRICE, 6_000, 3_000] as const;
/** The likely more often. */
const DEEDS = [
  ...(['confirm', 'confirm', 'confirm', 'capture', 'capture', 'capture'] as const),
  ...(['refund', 'refund', 'refund', 'refund', 'read', 'read', 'pay', 'cancel'] as const),
];
const LOSSES = [
  { kind: 'disconnect-after-apply' },
  { kind: 'status', status: 500, applied: true },
  { kind: 'status', status: 429 },
  { kind: 'delay', delayMs: 60, applied: true },
] as const;
/** With these nobody knows what happened. */
const UNKNOWN = ['STRIPE_UNAVAILABLE', 'LOST'];
const SHOWN = 'id status amountReceived amountRefundable stripePaymentIntentId';

type AskedOfServer =
  | Exclude<OrderInput, { readonly does: 'confirm' | 'cancel' | 'read' }>
  | { readonly does: 'cancel' | 'read'; readonly id: string };

const QUERIES: Readonly<Record<AskedOfServer['does'], string>> = {
  pay: `mutation ($orderId: ID!, $amount: MinorUnits) {
    pay(input: { orderId: $orderId, amount: $amount, currency: "USD", captureMethod: MANUAL }) { shown: payment { ${SHOWN} } } }`,
  cancel: `mutation ($id: ID!) { cancelPayment(input: { id: $id }) { shown: payment { ${SHOWN} } } }`,
  capture: `mutation ($id: ID!, $amount: MinorUnits) {
    capturePayment(input: { id: $id, amount: $amount }) { shown: payment { ${SHOWN} } } }`,
  refund: `mutation ($id: ID!, $amount: MinorUnits!) {
    refund(input: { paymentId: $id, refundAmount: $amount }) { shown: refund { id status } } }`,
  read: `query ($id: ID!) { payment(id: $id) { ${SHOWN} } }`,
};

type Shown = Exclude<OrderOutput, { readonly code: string }> & { readonly stripePaymentIntentId?: string | null };

/** Chosen as the order's life goes on: nothing can be done about a payment that nobody knows. */
const choose = ({ intents, random }: Play): OrderInput => {
  const ids = [...intents.keys()];
  if (ids.length === 0) return { does: 'pay' };
  const id = random.chance(0.8) ? (ids.at(-1) ?? '') : random.pick(ids);
  const does = random.pick(DEEDS);
  if (does === 'pay') return { does };
  return does === 'capture' || does === 'refund' ? { does, id, amount: random.pick(AMOUNTS) } : { does, id };
};

const confirm = async ({ stage: { stripe }, intents }: Play, id: string): Promise<OrderOutput> => {
  const options = { payment_method: 'pm_card_visa', return_url: 'https://shop.example/return' };
  return stripe.paymentIntents.confirm(intents.get(id) ?? '', options).then(
    ({ status }) => ({ id, status }),
    (error: { code?: string }) => ({ code: error.code ?? 'REFUSED' }),
  );
};

const askServer = async (play: Play, input: AskedOfServer): Promise<OrderOutput> => {
  const { stage, orderId, random, intents } = play;
  const as = input.does === 'refund' || input.does === 'capture' ? 'admin' : 'ann';
  const variables = input.does === 'pay' ? { orderId, amount: PRICE } : { ...input, does: undefined };
  const answer = await send<Shown | { readonly shown: Shown }>(random.pick(stage.servers), stage.tokens[as], {
    query: QUERIES[input.does],
    variables,
  }).catch((error: unknown) => {
    if (error instanceof Refused) return { code: error.code };
    throw error;
  });
  if ('code' in answer) return answer;
  const shown = 'shown' in answer ? answer.shown : answer;
  if (shown.stripePaymentIntentId) intents.set(shown.id, shown.stripePaymentIntentId);
  return shown;
};

const isAsked = (input: OrderInput): input is AskedOfServer => input.does !== 'confirm';

/** Which write of the server's a call leads to, whose answer may be lost. */
const pathOf = ({ intents }: Play, input: OrderInput): string | undefined => {
  // Only the first one makes an intent: what nobody takes would meet another order.
  if (input.does === 'pay') return intents.size === 0 ? '/v1/payment_intents' : undefined;
  if (input.does === 'refund') return '/v1/refunds';
  if (input.does !== 'capture' && input.does !== 'cancel') return undefined;
  return `/v1/payment_intents/${intents.get(input.id)}/${input.does}`;
};

const callOnce = async (play: Play): Promise<void> => {
  const { stage, random, operations, lost } = play;
  const input = choose(play);
  const path = pathOf(play, input);
  if (path !== undefined && random.chance(FAULTY)) await stage.loseAnswer(path, random.pick(LOSSES));
  const calledAt = performance.now();
  const answering = isAsked(input) ? askServer(play, input) : confirm(play, input.id);
  if (random.chance(LOST)) {
    lost.push(answering.catch(() => undefined));
    operations.push({ input, output: undefined, calledAt, answeredAt: Number.POSITIVE_INFINITY });
    await new Promise((resolve) => setTimeout(resolve, random.between(0, 20)));
    return;
  }
  const output = await answering;
  const isUnknown = 'code' in output && UNKNOWN.includes(output.code);
  operations.push({
    input,
    output: isUnknown ? undefined : output,
    calledAt,
    answeredAt: isUnknown ? Number.POSITIVE_INFINITY : performance.now(),
  });
};

/** Four clients at once on one order of their own, and whether their answers fit together. */
const playOrder = async (stage: Stage, seed: number): Promise<OrderHistory> => {
  const random = createRandom(seed);
  const orderId = await stage.placeOrder();
  const play: Play = { stage, orderId, random, operations: [], intents: new Map(), lost: [] };
  const client = async (): Promise<void> => {
    const own: Play = { ...play, random: random.fork() };
    for (let call = 0; call < CALLS; call += 1) await callOnce(own);
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  await Promise.all(play.lost);
  const operations = play.operations.sort((a, b) => a.calledAt - b.calledAt);
  return { seed, operations, isLinearizable: isLinearizable(operations) };
};

const SERVERS = 2;

/** What is played, and how. */
export interface HistoriesRequest {
  readonly firstSeed: number;
  readonly count: number;
  /** Orders that are played at the same time. */
  readonly atOnce: number;
  readonly bug?: BugName | undefined;
  /** Whether the first one that is wrong is enough. */
  readonly stopsAtWrong?: boolean;
  readonly ended?: (history: OrderHistory, done: number) => void;
}

/** Plays so many orders, each with clients of its own, against two servers on one database; gives those that can't have been one after the other. */
export const playHistories = async (lab: Lab, request: HistoriesRequest): Promise<readonly OrderHistory[]> => {
  const { bug: bugName } = request;
  const bug = bugName === undefined ? undefined : bugOf(bugName);
  const database = await lab.openDatabase();
  const nowhere = 'http://127.0.0.1:9/webhooks/stripe';
  const sandbox = await startSandbox({ port: 0, webhookSecret: 'whsec_sandbox', webhookUrl: nowhere });
  const flows = observeAll(lab.flows, withoutTrouble());
  const needs = { database, sandboxUrl: sandbox.url, effectUrl: '', flows, bug, batches: 'auto' as const };
  const servers: ServerLife[] = [];
  try {
    for (let n = 0; n < SERVERS; n += 1)
      servers.push(await startServer({ ...needs, losesCommit: () => false, died: () => undefined }));
    sandbox.setWebhookUrl(`${servers[0]?.url}/webhooks/stripe`);
    const tokens = await signTokens();
    const sql = new pg.Pool({ connectionString: database.url, max: 2 });
    const stage: Stage = {
      servers,
      stripe: connectStripe(sandbox.url),
      tokens,
      placeOrder: () => insertOrder({ sql }, 'ann', PRICE, 'USD'),
      loseAnswer: (path, kind) => callControl(sandbox, '/faults', { ...kind, match: { method: 'POST', path } }),
    };
    return await playAll(stage, request).finally(() => sql.end());
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
    await sandbox.close();
    await database.drop();
  }
};

const playAll = async (stage: Stage, request: HistoriesRequest): Promise<OrderHistory[]> => {
  const { firstSeed, count, atOnce, stopsAtWrong = false, ended } = request;
  const wrong: OrderHistory[] = [];
  let [next, done] = [firstSeed, 0];
  const playOn = async (): Promise<void> => {
    while (next < firstSeed + count && !(stopsAtWrong && wrong.length > 0)) {
      const seed = next;
      next += 1;
      const history = await playOrder(stage, seed);
      done += 1;
      if (!history.isLinearizable) wrong.push(history);
      ended?.(history, done);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, playOn));
  return wrong;
};
