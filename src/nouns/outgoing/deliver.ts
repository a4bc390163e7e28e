import { Webhook } from 'standardwebhooks';
import { wordsOf } from '../../core/errors.js';
import { carryTrace, traced } from '../../core/trace.js';
import type { Vault } from '../../installation/encryption.js';
import type { Database } from '../../storage/database.js';
import type { NamedHosts } from './address.js';
import { createOutcomes, type Outcomes } from './outcomes.js';
import type { OutgoingDelivery, SealedSecret } from './row.js';
import { type AttemptEnd, claimDue, endWebhook, findDueWebhooks, forgetOld, type SigningWebhook } from './rows.js';
import { type Answer, type Message, send } from './send.js';

/** What the secrets are sealed for. */
export const SECRET_PURPOSE = 'outgoing webhook secret';

/** Says what a delivery tells, as the schema names it. */
export type PayloadOf = (delivery: OutgoingDelivery) => {
  readonly type: string;
  readonly timestamp: string;
  readonly data: unknown;
};

/** Delivers what is queued: at least once, of each row in order, each endpoint by itself. */
export interface Deliveries {
  /** Begins what is due, and doesn't wait for it: an endpoint that is slow keeps no other from its turn. */
  run(): Promise<void>;
  /** Sends one that this process holds, and gives how it is then. */
  deliver(webhook: SigningWebhook, delivery: OutgoingDelivery): Promise<OutgoingDelivery>;
  /** Begins no more, and gives what is under way two seconds; what was not answered then is sent again by whoever comes next. */
  stop(): Promise<void>;
}

interface Parts {
  readonly database: Database;
  readonly vault: Vault;
  readonly payloadOf: PayloadOf;
  readonly hosts: NamedHosts;
  readonly log: { warn(detail: object, message?: string): void };
}

const AT_ONCE = 8;
/** So many are claimed in one statement, where as many are due: one by one, claims would cost as much as all the rest. */
const CLAIMED_TOGETHER = AT_ONCE / 2;
/** What a stop waits for answers, in milliseconds: the rest of it needs its time too. */
const STOP_MS = 2_000;
/** Longer than an attempt takes. */
const LEASE_SECONDS = 30;
const GONE = 410;
const MINUTE = 60;
const HOUR = 3_600;
/** Seconds before each further attempt: three days in all. */
const WAITS = [
  5,
  30,
  2 * MINUTE,
  10 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  4 * HOUR,
  8 * HOUR,
  12 * HOUR,
  20 * HOUR,
  24 * HOUR,
];
const FORGET_EVERY_MS = 600_000;

/** A quarter more or less, so that failures don't return as a crowd. */
const spread = (seconds: number): number => seconds * (0.75 + Math.random() / 2);

const endOf = ({ statusCode, error }: Answer, attempts: number): AttemptEnd => {
  if (error === null) return { status: 'DELIVERED', statusCode, error, waitSeconds: null };
  const wait = statusCode === GONE ? undefined : WAITS[attempts];
  return wait === undefined
    ? { status: 'DEAD', statusCode, error, waitSeconds: null }
    : { status: 'FAILED', statusCode, error, waitSeconds: spread(wait) };
};

/** Signed with each secret that is good, for receivers that know the old or the new one. Source: Standard Webhooks, "Signature scheme". */
const signatureOf = (
  { vault }: Pick<Parts, 'vault'>,
  secrets: readonly SealedSecret[],
  { id, at, body }: { readonly id: string; readonly at: Date; readonly body: string },
): string =>
  secrets
    .filter(({ until }) => until === null || new Date(until) > at)
    .map(({ sealed }) => new Webhook(vault.open(sealed, SECRET_PURPOSE)).sign(id, at, body))
    .join(' ');

interface Sending {
  readonly webhook: SigningWebhook;
  readonly delivery: OutgoingDelivery;
}

const messageOf = (parts: Parts, { webhook, delivery }: Sending): Message => {
  const id = `msg_${delivery.messageId}`;
  const at = new Date();
  const body = JSON.stringify(parts.payloadOf(delivery));
  const headers = {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    'user-agent': 'Tollgate',
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': signatureOf(parts, webhook.secrets, { id, at, body }),
    ...carryTrace(),
  };
  return { url: webhook.url, headers, body };
};

interface Attempt extends Parts {
  readonly sending: Sending;
  readonly stop: AbortSignal;
}

/** A message that can't be made, for its secret doesn't open say, is told like one that didn't arrive. */
const trySending = async (parts: Parts, sending: Sending, stop: AbortSignal): Promise<Answer> => {
  let message: Message;
  try {
    message = messageOf(parts, sending);
  } catch (error) {
    return { statusCode: null, error: wordsOf(error) };
  }
  return send(message, parts.hosts, stop);
};

const ask = ({ sending, stop, ...parts }: Attempt): Promise<Answer> =>
  traced('outgoing webhook', { kind: 'CLIENT' }, async (span) => {
    const { delivery } = sending;
    const got = await trySending(parts, sending, stop);
    span.set({
      'tollgate.delivery.id': delivery.id,
      ...(got.statusCode !== null && { 'http.response.status_code': got.statusCode }),
      ...(got.error !== null && { 'error.type': 'undelivered' }),
    });
    return got;
  });

/** Writes what the endpoint answered; one that is gone is told nothing more. */
const note = async (
  database: Database,
  outcomes: Outcomes,
  { sending: { webhook, delivery }, answer }: { readonly sending: Sending; readonly answer: Answer },
): Promise<OutgoingDelivery> => {
  const written = await outcomes.write(delivery.id, endOf(answer, delivery.attempts));
  if (answer.statusCode === GONE)
    await database.query(
      endWebhook(webhook.id, { url: webhook.url, reason: 'The endpoint answered 410: it is gone.' }),
    );
  return written ?? delivery;
};

/** What is on its way to one endpoint. */
interface Lane {
  readonly outcomes: Outcomes;
  /** Until each is answered and that is written. */
  readonly attempts: Set<Promise<void>>;
  /** How many are not answered yet. */
  sending: number;
  isFilling: boolean;
  /** Whether more was due than there was room for. */
  hasMore: boolean;
}

/** Builds the deliveries. */
export const createDeliveries = (parts: Parts): Deliveries => {
  const { database, log } = parts;
  const stopping = new AbortController();
  let isStopping = false;
  const lanes = new Map<string, Lane>();

  let forgetsAt = 0;
  const forget = async (): Promise<void> => {
    if (performance.now() < forgetsAt) return;
    forgetsAt = performance.now() + FORGET_EVERY_MS;
    await database.query(forgetOld);
  };

  const laneOf = (id: string): Lane => {
    const lane = lanes.get(id) ?? {
      outcomes: createOutcomes(database),
      attempts: new Set(),
      sending: 0,
      isFilling: false,
      hasMore: false,
    };
    lanes.set(id, lane);
    return lane;
  };

  const attempt = async (lane: Lane, sending: Sending): Promise<void> => {
    const { webhook, delivery } = sending;
    lane.sending += 1;
    try {
      const answer = await ask({ ...parts, sending, stop: stopping.signal }).finally(() => {
        lane.sending -= 1;
      });
      // The next ones go out while this one's outcome is written; the next version of the same row waits for that.
      if (lane.hasMore) void fill(webhook);
      await note(database, lane.outcomes, { sending, answer });
      void fill(webhook);
    } catch (error) {
      if (stopping.signal.aborted) return;
      log.warn({ err: error, webhook: webhook.id, delivery: delivery.id }, 'a delivery failed, it is tried again');
    }
  };

  /** Begins as much of what is due for one endpoint as it has room for; each that is answered makes room for another. */
  const fill = async (webhook: SigningWebhook): Promise<void> => {
    const lane = laneOf(webhook.id);
    const room = AT_ONCE - lane.sending;
    if (lane.isFilling || room < CLAIMED_TOGETHER || isStopping) return;
    lane.isFilling = true;
    try {
      const claimed = await database.query<OutgoingDelivery>(claimDue(webhook.id, room, LEASE_SECONDS));
      lane.hasMore = claimed.length === room;
      // Nobody would wait for their answers: what was taken up as the stop began comes back with its lease.
      if (isStopping) return;
      for (const delivery of claimed) {
        const ended: Promise<void> = attempt(lane, { webhook, delivery }).finally(() => lane.attempts.delete(ended));
        lane.attempts.add(ended);
      }
    } catch (error) {
      log.warn({ err: error, webhook: webhook.id }, 'deliveries wait for the database');
    } finally {
      lane.isFilling = false;
    }
  };

  return {
    async run() {
      await forget();
      await Promise.all((await database.query<SigningWebhook>(findDueWebhooks)).map(fill));
    },
    async deliver(webhook, delivery) {
      const sending = { webhook, delivery };
      const answer = await ask({ ...parts, sending, stop: stopping.signal });
      return note(database, createOutcomes(database), { sending, answer });
    },
    async stop() {
      isStopping = true;
      // What has been sent is about to be answered: cut off at once, each would be sent again by another process.
      const last = setTimeout(() => stopping.abort(new Error('The server stops.')), STOP_MS);
      await Promise.all([...lanes.values()].flatMap(({ attempts }) => [...attempts]));
      clearTimeout(last);
    },
  };
};
