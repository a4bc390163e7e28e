import type Stripe from 'stripe';
import { wordsOf } from '../core/errors.js';
import { readSetting, updateSetting } from '../installation/setting-rows.js';
import type { StripeAccess, StripeConnection } from '../installation/stripe-connection.js';
import { readClock } from '../storage/clock.js';
import type { Database } from '../storage/database.js';
import { listsOf, unknownAmong } from './listed-events.js';
import type { EventProcessor } from './process-event.js';

/** Asks Stripe for new events, where no webhook can reach this server. */
export interface EventFollower {
  /**
   * Takes what Stripe has told since the last look as hints to fetch its objects, the oldest first; each event is applied once,
   * though its webhook comes as well, or other processes follow too. Never with live keys. Never rejects because Stripe can't be
   * asked: the next look goes on from the same place.
   */
  look(): Promise<void>;
  /** Lets a look end early; the next one goes on. */
  stop(): void;
}

interface Parts {
  readonly database: Database;
  readonly connection: Pick<StripeConnection, 'access' | 'keys'>;
  readonly processor: Pick<EventProcessor, 'catchUp'>;
  readonly eventTypes: readonly string[];
  readonly log: { info(detail: object, message: string): void; warn(detail: object, message: string): void };
}

/** An event may be listed a little later than its time says. */
const OVERLAP_SECONDS = 10;
/** How far back the first look goes, by the database's clock. */
const FIRST_SECONDS = 600;

const keyOf = ({ account }: StripeAccess): string => `events_followed:${account}`;

/** When the newest event that was taken was made, in unix seconds; undefined where nothing is remembered. */
const readNewest = async (database: Database, access: StripeAccess): Promise<number | undefined> => {
  const newest = await readSetting(database, keyOf(access));
  return typeof newest === 'number' ? newest : undefined;
};

/** Unix seconds from which on events are listed. */
const sinceOf = async (database: Database, newest: number | undefined): Promise<number> =>
  newest === undefined
    ? Math.floor((await readClock(database)).getTime() / 1_000) - FIRST_SECONDS
    : newest - OVERLAP_SECONDS;

/** Everything that is listed, the oldest first. */
const listAll = async ({ gateway }: StripeAccess, eventTypes: readonly string[], since: number) => {
  const listed: Stripe.Event[] = [];
  for (const types of listsOf(eventTypes))
    for await (const page of gateway.listEvents(types, since)) listed.push(...page);
  // Each list has the newest first; of one second, its order is kept.
  return listed.reverse().sort((one, other) => one.created - other.created);
};

/** Builds the follower; every process may have one. */
export const createEventFollower = ({ database, connection, processor, eventTypes, log }: Parts): EventFollower => {
  let stopped = false;
  let isDown = false;
  let isLive = false;

  const take = async (access: StripeAccess): Promise<void> => {
    const known = await readNewest(database, access);
    const listed = await listAll(access, eventTypes, await sinceOf(database, known));
    for (const event of await unknownAmong(database, listed)) {
      if (stopped) return;
      await processor.catchUp(event); // a failure is stored, and tried again by a job
    }
    // The newest known event is listed each time: where nothing is, what is remembered is of another time, and is forgotten.
    const newest = listed.at(-1)?.created;
    if (newest !== known) await updateSetting(database, keyOf(access), () => newest ?? null);
  };

  return {
    async look() {
      if ((await connection.keys()) === undefined) return;
      try {
        const access = await connection.access();
        if (access.livemode) {
          if (!isLive) log.warn({}, 'events are followed with test keys alone: webhooks tell of live payments');
          isLive = true;
          return;
        }
        await take(access);
        isDown = false;
      } catch (error) {
        if (!isDown) log.warn({ reason: wordsOf(error) }, 'the events of Stripe can not be followed at present');
        isDown = true;
      }
    },
    stop() {
      stopped = true;
    },
  };
};
