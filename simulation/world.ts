import pg from 'pg';
import Stripe from 'stripe';
import { type Sandbox, startSandbox } from '../sandbox/sandbox.js';
import { signToken } from '../src/graphql/token.js';
import type { BatchMode } from '../src/inbox/event-batches.js';
import type { Operations } from '../src/parts/operations.js';
import { type BugName, bugOf } from './bugs.js';
import { crashWords, wordsOf } from './crash-points.js';
import { type Ear, openEar, troubleAt } from './ear.js';
import { type FlowTrouble, observeAll } from './flows.js';
import { type Front, openFront } from './front.js';
import { createHistory, type History } from './history.js';
import { createKeyring, type Keyring } from './keyring.js';
import type { Lab } from './lab.js';
import { createLives, type Lives } from './lives.js';
import type { Account } from './people.js';
import type { Random } from './random.js';
import { JWT_SECRET, type ServerLife, type ServerNeeds, type StartServer, startServer } from './server.js';
import { createWallet, type Wallet } from './wallet.js';
import { createWatcher, type Watcher } from './watcher.js';

/** What a refused or lost operation ends with. */
export class Refused extends Error {
  constructor(readonly code: string) {
    super(code);
  }
}

/** Everything that one run has: a database, a Stripe, a server that may die, someone who watches. */
export interface World {
  readonly sql: pg.Pool;
  readonly sandbox: Sandbox;
  readonly stripe: Stripe;
  readonly history: History;
  readonly watcher: Watcher;
  readonly wallet: Wallet;
  /** Another system, which outgoing webhooks and effects tell. */
  readonly ear: Ear;
  /** The installation's keys, and its webhook endpoint. */
  readonly keyring: Keyring;
  /** Where Stripe reaches the server of now. */
  readonly publicUrl: string;
  /** The server of now; started anew if it has died. */
  server(): Promise<ServerLife>;
  /** All of now: the one that Stripe and the watcher talk to first, then the one beside it. */
  servers(): Promise<readonly ServerLife[]>;
  /** From now on a second server runs beside the first, and operations go to either; only where they have a Redis to meet in. */
  openBeside(): void;
  /** Stops the server as a signal would; the next operation starts another. */
  stopServer(): Promise<void>;
  /**
   * Sends an operation as an account and gives the data of its only field.
   *
   * @throws Refused with the error's code, or LOST when the server died
   */
  ask<T>(as: Account, query: string, variables: object): Promise<T>;
  /**
   * Does what an operator does by command, at either server.
   *
   * @throws Refused with LOST when the server died
   */
  command<T>(work: (operations: Operations) => Promise<T>): Promise<T>;
  /** A door under `/_sandbox`. */
  control(path: string, body?: object): Promise<unknown>;
  /** Changes rows of ours beside the servers; done again where it and a server waited for each other. */
  write(text: string, values?: readonly unknown[]): Promise<void>;
  /** Makes our rows older, as if so much time had passed for them. */
  age(seconds: number): Promise<void>;
  /**
   * Moves Stripe's clock, and the age of what waits for Stripe's answer with it. Never by much in the middle of an
   * operation or of a write at Stripe: neither lasts for hours.
   */
  advance(seconds: number): Promise<void>;
  /** Whether flows fail now and then. */
  setTrouble(isTroubled: boolean): void;
  close(): Promise<void>;
}

const TROUBLE = 0.15;
const LOST_COMMITS = 0.3;
/** An operation may last for less. */
const LONG_SECONDS = 600;
/** An actor who meets a fault that was meant for the server gives up soon. */
const ACTOR_TIMEOUT_MS = 1_000;
/** Where nothing is left to chance: a busy machine answers late. */
export const PATIENT_MS = 30_000;
/** What an operator does in the console's settings. */
const CONFIGURE = `mutation ($input: ConfigureStripeInput!) { configureStripe(input: $input) { settings { livemode } } }`;
/** What grows old together with Stripe's clock: calls under way. When a row was made can't be changed. */
const AGING = ['payment', 'refund', 'recurring_payment', 'renewal', 'stripe_customer'];

/** What may be different about a world. */
export interface WorldOptions {
  readonly bug?: BugName | undefined;
  /** Starts its servers; in this process unless told. */
  readonly startLife?: StartServer;
  /** Where its keys come from: an operator stores and rolls them, or the environment gives them. Stored unless told. */
  readonly keys?: 'stored' | 'given';
}

/** A client of the sandbox, as the actors use it. */
export const connectStripe = (sandboxUrl: string, timeoutMs = ACTOR_TIMEOUT_MS): Stripe => {
  const { hostname, port } = new URL(sandboxUrl);
  return new Stripe('sk_test_sandbox', {
    host: hostname,
    port: Number(port),
    protocol: 'http',
    telemetry: false,
    maxNetworkRetries: 0,
    timeout: timeoutMs,
  });
};

/** A token for each account. */
export const signTokens = async (): Promise<Readonly<Record<Account, string>>> => ({
  ann: await signToken(JWT_SECRET, { accountId: 'ann', expiresInSeconds: 3_600 }),
  ben: await signToken(JWT_SECRET, { accountId: 'ben', expiresInSeconds: 3_600 }),
  admin: await signToken(JWT_SECRET, { accountId: 'admin', roles: ['admin'], expiresInSeconds: 3_600 }),
});

/** A door of the sandbox under `/_sandbox`. */
export const callControl = async (sandbox: Sandbox, path: string, body?: object): Promise<unknown> => {
  const response = await fetch(`${sandbox.url}/_sandbox${path}`, {
    method: body === undefined ? 'DELETE' : 'POST',
    headers: { 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  });
  const answer = await response.json();
  if (!response.ok) throw new Refused(`sandbox ${response.status}`);
  return answer;
};

const DEADLOCK = '40P01';

const writeTo =
  (sql: pg.Pool): World['write'] =>
  async (text, values = []) => {
    for (;;) {
      try {
        await sql.query(text, [...values]);
        return;
      } catch (error) {
        if (Reflect.get(Object(error), 'code') !== DEADLOCK) throw error;
      }
    }
  };

const ageRows = async (write: World['write'], seconds: number): Promise<void> => {
  for (const table of AGING)
    await write(`update tollgate.${table} set attempted_at = attempted_at - $1 * interval '1 second'`, [seconds]);
  await write(
    `update tollgate.recurring_payment set restoring_since = restoring_since - $1 * interval '1 second'
      where restoring_by is not null`,
    [seconds],
  );
  await write(
    `update tollgate.setting
      set value = jsonb_set(value, '{pending,at}', to_jsonb((value->'pending'->>'at')::timestamptz - $1 * interval '1 second'))
      where key = 'stripe_webhook' and jsonb_typeof(value->'pending') = 'object'`,
    [seconds],
  );
};

interface Operation {
  readonly query: string;
  readonly variables: object;
}

/**
 * Sends an operation and gives the data of its only field.
 *
 * @throws Refused with the error's code, or LOST when the server died
 */
export const send = async <T>({ url, died: signal }: ServerLife, token: string, operation: Operation): Promise<T> => {
  const lost = (): never => {
    throw new Refused('LOST');
  };
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify(operation),
    signal,
  }).catch(lost);
  const { data, errors } = (await response.json().catch(lost)) as {
    data?: Record<string, unknown>;
    errors?: { extensions?: { code?: string } }[];
  };
  if (signal.aborted) lost();
  if (errors?.[0]) throw new Refused(errors[0].extensions?.code ?? 'no code');
  return Object.values(data ?? {})[0] as T;
};

/** Does it as an operator of this server; nobody waits for one that died. */
const commandAt = async <T>(
  { operations, died }: ServerLife,
  work: (operations: Operations) => Promise<T>,
): Promise<T> => {
  const lost = new Promise<never>((_, reject) => {
    if (died.aborted) reject(new Refused('LOST'));
    died.addEventListener('abort', () => reject(new Refused('LOST')), { once: true });
  });
  return Promise.race([work(operations), lost]);
};

/** Keeps long stretches of time and operations apart: while one is under way the other waits. */
const createPassage = (parts: {
  readonly settle: () => Promise<void>;
  readonly advance: (seconds: number) => Promise<void>;
}) => {
  const underWay = new Set<Promise<unknown>>();
  let passing: Promise<void> | undefined;

  const advanceInPeace = async (seconds: number): Promise<void> => {
    await Promise.allSettled([...underWay]);
    await parts.settle();
    await parts.advance(seconds);
  };

  return {
    async operate<T>(work: () => Promise<T>): Promise<T> {
      while (passing) await passing;
      const begun = work();
      underWay.add(begun);
      return begun.finally(() => underWay.delete(begun));
    },
    async advance(seconds: number): Promise<void> {
      if (seconds < LONG_SECONDS) return parts.advance(seconds);
      while (passing) await passing;
      passing = advanceInPeace(seconds).finally(() => {
        passing = undefined;
      });
      await passing;
    },
  };
};

/** Whether flows and commits fail, as the run's own random decides. */
const createFates = (random: Random, history: History) => {
  const fates = random.fork();
  const losses = random.fork();
  let isTroubled = false;
  const trouble: FlowTrouble = {
    next() {
      if (!isTroubled || !fates.chance(TROUBLE)) return 'works';
      history.count('flow failed');
      return fates.pick(['throws first', 'throws last'] as const);
    },
  };
  return {
    trouble,
    earTrouble: troubleAt(random.fork(), () => isTroubled),
    losesCommit: () => isTroubled && losses.chance(LOST_COMMITS),
    setTrouble: (now: boolean) => {
      isTroubled = now;
    },
  };
};

/** What the servers of a world share. */
interface LivesParts {
  readonly history: History;
  readonly front: Front;
  readonly watcher: Watcher;
  readonly start: (died: ServerNeeds['died']) => Promise<ServerLife>;
}

/** Each life of a server has the next, so that what one leaves another takes up. */
const MODES: readonly BatchMode[] = ['always', 'off', 'auto'];

/** One server after the other; Stripe's deliveries and the watcher follow. */
const followLives = ({ history, front, watcher, start }: LivesParts): Lives =>
  createLives({
    start,
    began({ url }) {
      history.note('a server starts');
      front.lead(url);
      watcher.connect(url);
    },
    ended() {
      front.lead();
      watcher.disconnect();
    },
    died(point) {
      history.note(`the server dies${point ? ` ${wordsOf(point)}` : ''}`);
      history.count(crashWords(point && wordsOf(point)));
    },
  });

/** The same beside the first: people ask it, Stripe doesn't. */
const liveBeside = ({ history, start }: Pick<LivesParts, 'history' | 'start'>): Lives =>
  createLives({
    start,
    began: () => history.note('a server starts beside the other'),
    ended: () => undefined,
    died(point) {
      history.note(`the server beside the other dies${point ? ` ${wordsOf(point)}` : ''}`);
      history.count(crashWords(point && wordsOf(point)));
    },
  });

/** The servers of a world: one, and from some moment on another beside it. */
const gatherLives = (parts: LivesParts, random: Random) => {
  const first = followLives(parts);
  const second = liveBeside(parts);
  let isBeside = false;
  return {
    first,
    openBeside: () => {
      isBeside = true;
    },
    all: () => Promise.all([first.current(), ...(isBeside ? [second.current()] : [])]),
    /** One that an operation goes to. */
    any: () => (isBeside && random.chance(0.5) ? second : first).current(),
    close: async () => {
      await Promise.all([first.close(), second.close()]);
    },
  };
};

/** Opens a world on a database of its own. */
export const openWorld = async (
  lab: Lab,
  random: Random,
  { bug: bugName, startLife = startServer, keys = 'stored' }: WorldOptions = {},
): Promise<World> => {
  const bug = bugName === undefined ? undefined : bugOf(bugName);
  const history = createHistory();
  const database = await lab.openDatabase();
  const sql = new pg.Pool({ connectionString: database.url, max: 4 });
  sql.on('error', () => undefined);
  const front = await openFront();
  const given = { webhookSecret: 'whsec_sandbox', webhookUrl: `${front.url}/webhooks/stripe` };
  const sandbox = await startSandbox({ port: 0, ...(keys === 'given' && given) });
  const tokens = await signTokens();
  const watcher = createWatcher(tokens.admin);
  const { trouble, earTrouble, losesCommit, setTrouble } = createFates(random, history);
  const ear = await openEar(earTrouble);
  const outside = bug && 'flowsOutside' in bug ? sql : undefined;
  const flows = observeAll(lab.flows, { trouble, outside, effectUrl: ear.effectUrl });
  const own = keys === 'stored' ? { publicUrl: front.url } : {};
  const shared = { database, sandboxUrl: sandbox.url, ...own, effectUrl: ear.effectUrl, flows, bug, losesCommit };
  let life = random.between(0, MODES.length - 1);
  const batches = (): BatchMode => MODES[life++ % MODES.length] ?? 'auto';
  const start: LivesParts['start'] = (died) => startLife({ ...shared, batches: batches(), died });
  const lives = gatherLives({ history, front, watcher, start }, random.fork());
  const control: World['control'] = (path, body) => callControl(sandbox, path, body);
  const write = writeTo(sql);
  const age: World['age'] = (seconds) => ageRows(write, seconds);
  const quiet = async (): Promise<void> => {
    for (const life of await lives.all()) await life.quiet();
  };
  const passage = createPassage({
    settle: quiet,
    async advance(seconds) {
      await age(seconds);
      await control('/clock', { advanceSeconds: seconds });
    },
  });

  const ask: World['ask'] = (as, query, variables) =>
    passage.operate(async () => send(await lives.any(), tokens[as], { query, variables }));
  const command: World['command'] = (work) => passage.operate(async () => commandAt(await lives.any(), work));
  const keyring = createKeyring({
    ...{ sql, command, quiet, wordOf: (error) => (error instanceof Error ? error.message : String(error)) },
    configure: (pair) => ask('admin', CONFIGURE, { input: pair }),
    expire: (key) => control('/keys/expire', { key }),
  });
  if (keys === 'stored') history.note(`the keys are set: ${await keyring.roll()}`);

  return {
    sql,
    sandbox,
    keyring,
    publicUrl: front.url,
    command,
    ask,
    stripe: connectStripe(sandbox.url),
    history,
    watcher,
    wallet: createWallet(),
    ear,
    server: lives.first.current,
    servers: lives.all,
    openBeside: () => {
      if (database.redis) lives.openBeside();
    },
    control,
    write,
    stopServer: lives.first.stopCurrent,
    age,
    advance: passage.advance,
    setTrouble,
    async close() {
      await lives.close();
      await ear.close();
      await sandbox.close();
      await front.close();
      await sql.end();
      await database.drop();
    },
  };
};
