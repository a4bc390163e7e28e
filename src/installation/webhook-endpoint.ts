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

/** Builds the care of the endpoint. */
export const createWebhookEndpoints = (parts: Parts): WebhookEndpoints => {
  const { database, vault, connection, marks, publicUrl, eventTypes } = parts;

  const inSeconds = async (seconds: number): Promise<string> =>
    new Date((await readClock(database)).getTime() + seconds * 1_000).toISOString();

  const isOver = ({ retireAt }: EndpointRow, now: Date): boolean =>
    retireAt !== null && Date.parse(retireAt) <= now.getTime();

  const offReason = async (): Promise<string | undefined> => {
    if (publicUrl === undefined)
      return 'PUBLIC_URL is not set, so Tollgate registers no webhook endpoint. Set it to where Stripe can reach this server, or give the secret of an endpoint of your own.';
    const source = (await parts.keys.read())?.webhookSource;
    if (source === 'environment')
      return 'STRIPE_WEBHOOK_SECRET is set, so the webhook endpoint is yours to look after.';
    if (source === 'given') return 'A webhook secret was given, so the webhook endpoint is yours to look after.';
    return source === 'sandbox' ? 'The sandbox delivers to this server by itself.' : undefined;
  };

  const request = (): WebhookEndpointRequest => ({
    installation: marks.installation,
    url: deliveryUrl(publicUrl ?? ''),
    eventTypes,
  });

  const isInScope = (row: EndpointRow, { account, livemode }: StripeAccess): boolean =>
    row.account === account && row.livemode === livemode;

  const listOurs = async ({ gateway }: StripeAccess): Promise<EndpointAtStripe[]> =>
    (await gateway.listWebhookEndpoints()).filter(({ metadata }) => marks.made(metadata));

  /** Notes the attempt before Stripe is asked, so that a run after a crash repeats it and gets the same answer. */
  const beginAttempt = async (hash: string): Promise<{ attempt: string; repeated: boolean }> => {
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

  const keyOf = (attempt: string): string => `tg:${marks.installation}:webhook_endpoint:${attempt}`;

  const forgetAttempt = (): Promise<unknown> => updateEndpointsRow(database, (row) => ({ ...row, pending: null }));

  const create = async (access: StripeAccess): Promise<EndpointAtStripe> => {
    const wanted = request();
    const subject = [access.account, access.livemode, STRIPE_API_VERSION, wanted.url, ...eventTypes].join();
    const hash = createHash('sha256').update(subject).digest('hex').slice(0, 24);
    const { attempt, repeated } = await beginAttempt(hash);
    try {
      const made = await access.gateway.createWebhookEndpoint(wanted, keyOf(attempt));
      // A repeated answer may tell of an endpoint that was deleted meanwhile.
      if (!repeated || (await listOurs(access)).some(({ id }) => id === made.id)) return made;
    } catch (error) {
      if (error instanceof StripeCallError && error.failure === 'refused') await forgetAttempt();
      throw fullAccount(error);
    }
    await forgetAttempt();
    return create(access);
  };

  /** Stores the new endpoint with its secret; the old one, if any, is accepted until `oldRetiresAt`. */
  const keep = async (made: EndpointAtStripe, access: StripeAccess, oldRetiresAt: string): Promise<void> => {
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
    await parts.changed();
  };

  const remove = async (id: string, { gateway }: StripeAccess): Promise<void> => {
    await gateway.deleteWebhookEndpoint(id);
    await updateEndpointsRow(database, (row) => ({
      ...row,
      endpoints: row.endpoints.filter((endpoint) => endpoint.id !== id),
    }));
  };

  const retire = async (access: StripeAccess): Promise<number> => {
    const now = await readClock(database);
    const due = (await readEndpointsRow(database)).endpoints.filter(
      (row) => isInScope(row, access) && isOver(row, now),
    );
    for (const { id } of due) await remove(id, access);
    if (due.length > 0) await parts.changed();
    return due.length;
  };

  /** Ours at this address, with a secret that nobody knows: of a run that died before it stored the answer. */
  const removeStrays = async (access: StripeAccess): Promise<void> => {
    const { endpoints } = await readEndpointsRow(database);
    const { url } = request();
    for (const stray of await listOurs(access))
      if (stray.url === url && !endpoints.some(({ id }) => id === stray.id))
        await access.gateway.deleteWebhookEndpoint(stray.id);
  };

  const current = async (access: StripeAccess): Promise<EndpointState> => {
    const { endpoints } = await readEndpointsRow(database);
    const stored = endpoints.find((row) => isInScope(row, access) && row.retireAt === null);
    const atStripe = (await listOurs(access)).find(({ id }) => id === stored?.id);
    return { wanted: request(), stored, atStripe };
  };

  const makeAnother = async (access: StripeAccess, oldRetiresAt: string): Promise<EndpointAtStripe> => {
    const made = await create(access);
    await keep(made, access, oldRetiresAt);
    return made;
  };

  const bringUp = async (access: StripeAccess): Promise<EndpointReport> => {
    const { wanted, stored, atStripe } = await current(access);
    const url = withoutCredentials(wanted.url);
    if (!atStripe || atStripe.api_version !== STRIPE_API_VERSION) {
      const made = await makeAnother(access, await inSeconds(atStripe ? VERSION_OVERLAP_SECONDS : 0));
      await removeStrays(access);
      return { outcome: stored ? 'replaced' : 'made', id: made.id, url };
    }
    await removeStrays(access);
    if (!needsMending(atStripe, wanted)) return { outcome: 'kept', id: atStripe.id, url };
    await access.gateway.updateWebhookEndpoint(atStripe.id, wanted, keyOf(randomUUID()));
    return { outcome: 'mended', id: atStripe.id, url };
  };

  const shorten = async (access: StripeAccess, until: string): Promise<EndpointRow | undefined> => {
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

  const locked = async <T>(work: (access: StripeAccess) => Promise<T>): Promise<T> => {
    const access = await connection.access();
    return withSessionLock(parts.databaseUrl, LOCK, () => work(access)).catch((error: unknown) => {
      throw refusalOf(error);
    });
  };

  return {
    offReason,

    async ensure() {
      const reason = await offReason();
      if (reason !== undefined) return { outcome: 'off', reason };
      return locked(async (access) => {
        const report = await bringUp(access);
        await retire(access);
        return report;
      });
    },

    async rotate(overlapSeconds) {
      const reason = await offReason();
      if (reason !== undefined)
        throw new BadUserInputError(
          `${reason} Roll its secret in Stripe, and set both secrets until the old one ends.`,
        );
      return locked(async (access) => {
        await retire(access);
        const until = await inSeconds(overlapSeconds);
        const old = await shorten(access, until);
        const brought = old ? undefined : await bringUp(access);
        const { stored } = await current(access);
        const isFirst = brought?.outcome === 'made' || brought?.outcome === 'replaced';
        const id = old || isFirst ? (stored?.id ?? '') : (await makeAnother(access, until)).id;
        await retire(access);
        const left = (await readEndpointsRow(database)).endpoints.find(
          (row) => isInScope(row, access) && row.retireAt !== null,
        );
        return { outcome: old ? 'under-way' : 'rotated', id, oldAcceptedUntil: left?.retireAt ?? null };
      });
    },

    async retireDue() {
      const { endpoints } = await readEndpointsRow(database);
      const now = await readClock(database);
      if (!endpoints.some((row) => isOver(row, now))) return 0;
      return locked(retire);
    },

    async inspect() {
      if ((await offReason()) !== undefined) return undefined;
      try {
        return await current(await connection.access());
      } catch (error) {
        throw refusalOf(error);
      }
    },
  };
};
