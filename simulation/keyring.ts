import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import type { Operations } from '../src/parts/operations.js';

/** From when to when deliveries to a webhook endpoint are to be accepted, in milliseconds. */
export interface Acceptance {
  readonly since: number;
  until: number;
}

/** What operators do about the installation's keys of Stripe and its webhook endpoint, and what is known of both. */
export interface Keyring {
  /** Sets the next pair of keys; the former go on working until `expireFormer`. Gives how it ended. */
  roll(): Promise<string>;
  /** Gives the webhook endpoint another secret. Gives how it ended. */
  rotate(): Promise<string>;
  /** Finishes what was begun; then the keys before those in force expire. */
  expireFormer(): Promise<void>;
  /** Since when some key is over; undefined while none is. */
  expiredSince(): number | undefined;
  /** Every endpoint there was, by its id. */
  endpoints(): Promise<ReadonlyMap<string, Acceptance>>;
}

interface Parts {
  readonly sql: pg.Pool;
  /** Sets a pair, as an operator does in the console. */
  readonly configure: (pair: { readonly publishableKey: string; readonly secretKey: string }) => Promise<unknown>;
  /** Does by command. */
  readonly command: <T>(work: (operations: Operations) => Promise<T>) => Promise<T>;
  readonly expire: (key: string) => Promise<unknown>;
  /** Resolves when no call to Stripe is under way. */
  readonly quiet: () => Promise<void>;
  /** A refusal in a word. */
  readonly wordOf: (error: unknown) => string;
}

const TRIES = 6;
const AGAIN_MS = 50;
/** For so long the former secret is accepted; an hour for others. */
const OVERLAP_SECONDS = 2;
/** For so long the former keys go on working; whoever had begun with them has ended. */
const OVERLAP_MS = 2_000;
const LOOK_MS = 50;
/** Whatever is still to be finished then has no end. */
const FINISH_MS = 10_000;
/** By then every server has heard of a new endpoint's secret. */
const HEARD_MS = 1_500;

interface EndpointRow {
  readonly id: string;
  readonly retireAt: string | null;
}

/** What is known of the endpoints: of one that is gone, that it was accepted for as long as it was seen. */
const watchEndpoints = (sql: pg.Pool) => {
  const known = new Map<string, Acceptance & { seenAt: number }>();
  return {
    known,
    async look(): Promise<readonly EndpointRow[]> {
      const { rows } = await sql.query<{ endpoints: EndpointRow[] }>(
        `select value->'endpoints' as endpoints from tollgate.setting where key = 'stripe_webhook'`,
      );
      const now = Date.now();
      const present = rows[0]?.endpoints ?? [];
      for (const { id, retireAt } of present) {
        const { since } = known.get(id) ?? { since: now + HEARD_MS };
        known.set(id, {
          since,
          seenAt: now,
          until: retireAt === null ? Number.POSITIVE_INFINITY : Date.parse(retireAt),
        });
      }
      for (const [id, gone] of known)
        if (!present.some((row) => row.id === id)) gone.until = Math.min(gone.until, gone.seenAt);
      return present;
    },
  };
};

const secretOf = (n: number): string => `sk_test_sandbox__${n}`;

/** No key is set yet. */
export const createKeyring = ({ sql, configure, command, expire, quiet, wordOf }: Parts): Keyring => {
  const { known, look } = watchEndpoints(sql);
  /** Pairs by their number, from 1: the newest that was given, and the one that is in force for certain. */
  let given = 0;
  let inForce = 0;
  let rolledAt = 0;
  let expiredSince: number | undefined;
  let unfinished: (() => Promise<unknown>) | undefined;
  let isBusy = false;

  /** As an operator does who is not told that it is done. */
  const insist = async (work: () => Promise<unknown>): Promise<string> => {
    const ends: string[] = [];
    unfinished = work;
    while (ends.length < TRIES) {
      try {
        await work();
        unfinished = undefined;
        return [...ends, 'done'].join(', ');
      } catch (error) {
        ends.push(wordOf(error));
        await pause(AGAIN_MS);
      }
    }
    return ends.join(', ');
  };

  /** One operator looks after them, one thing after the other. */
  const alone = async (work: () => Promise<string>): Promise<string> => {
    if (isBusy) return 'another is at it';
    isBusy = true;
    try {
      return await work();
    } finally {
      await look();
      isBusy = false;
    }
  };

  const setKeys = (n: number) => async (): Promise<void> => {
    await configure({ publishableKey: `pk_test_sandbox__${n}`, secretKey: secretOf(n) });
    inForce = n;
    rolledAt = Date.now();
  };

  return {
    roll: () =>
      alone(() => {
        given += 1;
        return insist(setKeys(given));
      }),
    rotate: () => alone(() => insist(() => command(({ endpoints }) => endpoints.rotate(OVERLAP_SECONDS)))),
    async expireFormer() {
      const deadline = Date.now() + FINISH_MS;
      while (unfinished && Date.now() < deadline) await insist(unfinished);
      while (Date.now() < rolledAt + OVERLAP_MS) await pause(LOOK_MS);
      await quiet();
      if (inForce > 1) expiredSince ??= Date.now();
      for (let n = 1; n < inForce; n += 1) await expire(secretOf(n));
      while ((await look()).length > 1 && Date.now() < deadline) await pause(LOOK_MS);
    },
    expiredSince: () => expiredSince,
    async endpoints() {
      await look();
      return known;
    },
  };
};
