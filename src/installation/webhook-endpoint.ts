import { createHash, randomUUID } from 'node:crypto';
import { BadUserInputError, StripeUnavailableError } from '../core/errors.js';
import { withoutCredentials } from '../core/web-address.js';
import { readClock } from '../storage/clock.js';
import type { Database } from '../storage/database.js';
import { withSessionLock } from '../storage/session-lock.js';
import { StripeCallError } from '../stripe/answer.js';
import { STRIPE_API_VERSION } from '../stripe/client.js';
import { isKeySafe } from '../stripe/key-in-flight.js';
import type { Marks } from '../stripe/marks.js';
import type { EndpointAtStripe, WebhookEndpointRequest } from '../stripe/operator-calls.js';
import { refusalOf } from '../stripe/refusal.js';
import type { Vault } from './encryption.js';
import { type EndpointRow, PURPOSE, readEndpointsRow, updateEndpointsRow } from './stored-keys.js';
import type { StripeAccess, StripeConnection } from './stripe-connection.js';
import type { KeyStore } from './stripe-keys.js';

/** What became of the endpoint; `url` shows no password. `off`: it isn't ours to look after, `reason` says why. */
export type EndpointReport =
  | { readonly outcome: 'kept' | 'mended' | 'made' | 'replaced'; readonly id: string; readonly url: string }
  | { readonly outcome: 'off'; readonly reason: string };

/** How a rotation stands: the endpoint in use, and until when the old one's secret is accepted too. */
export interface RotationReport {
  /** `under-way`: an earlier rotation had not ended; no further endpoint was made. */
  readonly outcome: 'rotated' | 'under-way';
  readonly id: string;
  /** RFC 3339; null when nothing old is left. */
  readonly oldAcceptedUntil: string | null;
}

/** The endpoint as it should be, as we know it, and as Stripe has it. */
export interface EndpointState {
  readonly wanted: WebhookEndpointRequest;
  /** Whether its secret is stored. */
  readonly stored: EndpointRow | undefined;
  readonly atStripe: EndpointAtStripe | undefined;
}

/** Registers the endpoint at which Stripe delivers to this installation, and looks after it. */
export interface WebhookEndpoints {
  /** Why the endpoint isn't ours to look after; undefined when it is. */
  offReason(): Promise<string | undefined>;
  /**
   * Makes Stripe's endpoint what it should be: registers it, mends its address and events, replaces one of another API
   * version. Twice changes nothing; after a crash it goes on where the other run died.
   *
   * @throws BadUserInputError when the account has no room for another, NotConfiguredError, StripeUnavailableError
   */
  ensure(): Promise<EndpointReport>;
  /**
   * Makes a second endpoint; both secrets are accepted for `overlapSeconds`, then the old one is deleted. Run again
   * during the overlap it makes no third, and shortens the overlap where it is asked for less.
   */
  rotate(overlapSeconds: number): Promise<RotationReport>;
  /** Deletes the endpoints whose overlap has ended, at Stripe first; gives how many. Twice is harmless. */
  retireDue(): Promise<number>;
  /** Asks Stripe how the endpoint stands; undefined when it isn't ours to look after. */
  inspect(): Promise<EndpointState | undefined>;
}

interface Parts {
  readonly database: Database;
  readonly databaseUrl: string;
  readonly vault: Vault;
  readonly keys: KeyStore;
  readonly connection: StripeConnection;
  readonly marks: Marks;
  /** Where Stripe can reach this server. */
  readonly publicUrl: string | undefined;
  /** The types of events that we apply. */
  readonly eventTypes: readonly string[];
  /** Tells every process that the secrets changed. */
  readonly changed: () => Promise<void>;
}

const LOCK = 'webhook endpoint';
/** Deliveries that are on their way to an endpoint of another API version still arrive. */
const VERSION_OVERLAP_SECONDS = 3_600;

/** The address under PUBLIC_URL at which Stripe delivers. */
const deliveryUrl = (publicUrl: string): string =>
  new URL('webhooks/stripe', publicUrl.endsWith('/') ? publicUrl : `${publicUrl}/`).href;

/** Whether Stripe's endpoint differs in what an update can mend. */
export const needsMending = (endpoint: EndpointAtStripe, { url, eventTypes }: WebhookEndpointRequest): boolean =>
  endpoint.url !== url ||
  endpoint.status !== 'enabled' ||
  [...endpoint.enabled_events].sort().join() !== [...eventTypes].sort().join();

const fullAccount = (error: unknown): unknown =>
  error instanceof StripeCallError && error.failure === 'refused' && /maximum|limit/i.test(error.message)
    ? new BadUserInputError(
        'This Stripe account has as many webhook endpoints as Stripe allows (16). Delete one that nobody needs in Stripe, Developers, Webhooks, and run the command again.',
        { cause: error },
      )
    : refusalOf(error);

/** The parts, and the keys under which the endpoint is looked after. */
interface Caring extends Parts {
  readonly access: StripeAccess;
}

const inSeconds = async (database: Database, seconds: number): Promise<string> =>
  new Date((await readClock(database)).getTime() + seconds * 1_000).toISOString();

const isOver = ({ retireAt }: EndpointRow, now: Date): boolean =>
  retireAt !== null && Date.parse(retireAt) <= now.getTime();

const offReason = async ({ publicUrl, keys }: Parts): Promise<string | undefined> => {
  if (publicUrl === undefined)
    return 'PUBLIC_URL is not set, so Tollgate registers no webhook endpoint. Set it to where Stripe can reach this server, or give the secret of an endpoint of your own.';
  const source = (await keys.read())?.webhookSource;
  if (source === 'environment') return 'STRIPE_WEBHOOK_SECRET is set, so the webhook endpoint is yours to look after.';
  if (source === 'given') return 'A webhook secret was given, so the webhook endpoint is yours to look after.';
  return source === 'sandbox' ? 'The sandbox delivers to this server by itself.' : undefined;
};

const requestOf = ({ marks, publicUrl, eventTypes }: Parts): WebhookEndpointRequest => ({
  installation: marks.installation,
  url: deliveryUrl(publicUrl ?? ''),
  eventTypes,
});

const isInScope = (row: EndpointRow, { account, livemode }: StripeAccess): boolean =>
  row.account === account && row.livemode === livemode;

const listOurs = async ({ marks, access }: Caring): Promise<EndpointAtStripe[]> =>
  (await access.gateway.listWebhookEndpoints()).filter(({ metadata }) => marks.made(metadata));

/** Notes the attempt before Stripe is asked, so that a run after a crash repeats it and gets the same answer. */
const beginAttempt = async (database: Database, hash: string): Promise<{ attempt: string; repeated: boolean }> => {
  let repeated = false;
  const attempt = randomUUID();
  const now = await readClock(database);
  const { pending } = await updateEndpointsRow(database, (row) => {
    const known = row.pending;
    repeated = known?.request === hash && isKeySafe(new Date(known.at), now);
    if (repeated) return row;
    return { ...row, pending: { attempt, request: hash, at: now.toISOString() } };
  });
  return { attempt: pending?.attempt ?? attempt, repeated };
};

const keyOf = ({ marks }: Parts, attempt: string): string => `tg:${marks.installation}:webhook_endpoint:${attempt}`;

const forgetAttempt = (database: Database): Promise<unknown> =>
  updateEndpointsRow(database, (row) => ({ ...row, pending: null }));

const create = async (caring: Caring): Promise<EndpointAtStripe> => {
  const { database, access, eventTypes } = caring;
  const wanted = requestOf(caring);
  const subject = [access.account, access.livemode, STRIPE_API_VERSION, wanted.url, ...eventTypes].join();
  const hash = createHash('sha256').update(subject).digest('hex').slice(0, 24);
  const { attempt, repeated } = await beginAttempt(database, hash);
  try {
    const made = await access.gateway.createWebhookEndpoint(wanted, keyOf(caring, attempt));
    // A repeated answer may tell of an endpoint that was deleted meanwhile.
    if (!repeated || (await listOurs(caring)).some(({ id }) => id === made.id)) return made;
  } catch (error) {
    if (error instanceof StripeCallError && error.failure === 'refused') await forgetAttempt(database);
    throw fullAccount(error);
  }
  await forgetAttempt(database);
  return create(caring);
};

/** Stores the new endpoint with its secret; the old one, if any, is accepted until `oldRetiresAt`. */
const keep = async (caring: Caring, made: EndpointAtStripe, oldRetiresAt: string): Promise<void> => {
  const { database, vault, access } = caring;
  if (made.secret === undefined)
    throw new StripeUnavailableError({ cause: new Error('Stripe made an endpoint and told no secret.') });
  const fresh: EndpointRow = {
    id: made.id,
    account: access.account,
    livemode: access.livemode,
    secret: vault.seal(made.secret, PURPOSE.webhookSecret),
    retireAt: null,
  };
  await updateEndpointsRow(database, (row) => ({
    ...row,
    pending: null,
    endpoints: [
      ...row.endpoints
        .filter(({ id }) => id !== made.id)
        .map((old) => (isInScope(old, access) && old.retireAt === null ? { ...old, retireAt: oldRetiresAt } : old)),
      fresh,
    ],
  }));
  await caring.changed();
};

const remove = async ({ database, access }: Caring, id: string): Promise<void> => {
  await access.gateway.deleteWebhookEndpoint(id);
  await updateEndpointsRow(database, (row) => ({
    ...row,
    endpoints: row.endpoints.filter((endpoint) => endpoint.id !== id),
  }));
};

const retire = async (caring: Caring): Promise<number> => {
  const { database, access } = caring;
  const now = await readClock(database);
  const due = (await readEndpointsRow(database)).endpoints.filter((row) => isInScope(row, access) && isOver(row, now));
  for (const { id } of due) await remove(caring, id);
  if (due.length > 0) await caring.changed();
  return due.length;
};

/** Ours at this address, with a secret that nobody knows: of a run that died before it stored the answer. */
const removeStrays = async (caring: Caring): Promise<void> => {
  const { endpoints } = await readEndpointsRow(caring.database);
  const { url } = requestOf(caring);
  for (const stray of await listOurs(caring))
    if (stray.url === url && !endpoints.some(({ id }) => id === stray.id))
      await caring.access.gateway.deleteWebhookEndpoint(stray.id);
};

const current = async (caring: Caring): Promise<EndpointState> => {
  const { endpoints } = await readEndpointsRow(caring.database);
  const stored = endpoints.find((row) => isInScope(row, caring.access) && row.retireAt === null);
  const atStripe = (await listOurs(caring)).find(({ id }) => id === stored?.id);
  return { wanted: requestOf(caring), stored, atStripe };
};

const makeAnother = async (caring: Caring, oldRetiresAt: string): Promise<EndpointAtStripe> => {
  const made = await create(caring);
  await keep(caring, made, oldRetiresAt);
  return made;
};

const bringUp = async (caring: Caring): Promise<EndpointReport> => {
  const { wanted, stored, atStripe } = await current(caring);
  const url = withoutCredentials(wanted.url);
  if (!atStripe || atStripe.api_version !== STRIPE_API_VERSION) {
    const made = await makeAnother(caring, await inSeconds(caring.database, atStripe ? VERSION_OVERLAP_SECONDS : 0));
    await removeStrays(caring);
    return { outcome: stored ? 'replaced' : 'made', id: made.id, url };
  }
  await removeStrays(caring);
  if (!needsMending(atStripe, wanted)) return { outcome: 'kept', id: atStripe.id, url };
  await caring.access.gateway.updateWebhookEndpoint(atStripe.id, wanted, keyOf(caring, randomUUID()));
  return { outcome: 'mended', id: atStripe.id, url };
};

const shorten = async ({ database, access }: Caring, until: string): Promise<EndpointRow | undefined> => {
  const { endpoints } = await updateEndpointsRow(database, (row) => ({
    ...row,
    endpoints: row.endpoints.map((endpoint) =>
      isInScope(endpoint, access) && endpoint.retireAt !== null && endpoint.retireAt > until
        ? { ...endpoint, retireAt: until }
        : endpoint,
    ),
  }));
  return endpoints.find((endpoint) => isInScope(endpoint, access) && endpoint.retireAt !== null);
};

const rotate = async (caring: Caring, overlapSeconds: number): Promise<RotationReport> => {
  const { database, access } = caring;
  await retire(caring);
  const until = await inSeconds(database, overlapSeconds);
  const old = await shorten(caring, until);
  const brought = old ? undefined : await bringUp(caring);
  const { stored } = await current(caring);
  const isFirst = brought?.outcome === 'made' || brought?.outcome === 'replaced';
  const id = old || isFirst ? (stored?.id ?? '') : (await makeAnother(caring, until)).id;
  await retire(caring);
  const left = (await readEndpointsRow(database)).endpoints.find(
    (row) => isInScope(row, access) && row.retireAt !== null,
  );
  return { outcome: old ? 'under-way' : 'rotated', id, oldAcceptedUntil: left?.retireAt ?? null };
};

/** One process at a time looks after it. */
const locked = async <T>(parts: Parts, work: (caring: Caring) => Promise<T>): Promise<T> => {
  const access = await parts.connection.access();
  return withSessionLock(parts.databaseUrl, LOCK, () => work({ ...parts, access })).catch((error: unknown) => {
    throw refusalOf(error);
  });
};

/** Builds the care of the endpoint. */
export const createWebhookEndpoints = (parts: Parts): WebhookEndpoints => ({
  offReason: () => offReason(parts),

  async ensure() {
    const reason = await offReason(parts);
    if (reason !== undefined) return { outcome: 'off', reason };
    return locked(parts, async (caring) => {
      const report = await bringUp(caring);
      await retire(caring);
      return report;
    });
  },

  async rotate(overlapSeconds) {
    const reason = await offReason(parts);
    if (reason !== undefined)
      throw new BadUserInputError(`${reason} Roll its secret in Stripe, and set both secrets until the old one ends.`);
    return locked(parts, (caring) => rotate(caring, overlapSeconds));
  },

  async retireDue() {
    const { endpoints } = await readEndpointsRow(parts.database);
    const now = await readClock(parts.database);
    if (!endpoints.some((row) => isOver(row, now))) return 0;
    return locked(parts, retire);
  },

  async inspect() {
    if ((await offReason(parts)) !== undefined) return undefined;
    try {
      return await current({ ...parts, access: await parts.connection.access() });
    } catch (error) {
      throw refusalOf(error);
    }
  },
});
