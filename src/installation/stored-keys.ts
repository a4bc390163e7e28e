import { z } from 'zod';
import type { Database, Queryable, Statement } from '../storage/database.js';
import type { Vault } from './encryption.js';
import { readSetting, updateSetting } from './setting-rows.js';

const KeysRow = z.object({
  publishableKey: z.string(),
  /** Sealed. */
  secretKey: z.string(),
  /** Sealed; those that the operator gave. */
  webhookSecrets: z.array(z.string()),
  livemode: z.boolean(),
  /** Stripe's id of the account. */
  account: z.string(),
});
/** The Stripe keys that an operator stored, secrets sealed. */
export type KeysRow = z.infer<typeof KeysRow>;

const EndpointRow = z.object({
  id: z.string(),
  account: z.string(),
  livemode: z.boolean(),
  /** Sealed. */
  secret: z.string(),
  /** From when on it isn't accepted any more, and is deleted; null for the one in use. */
  retireAt: z.string().nullable(),
});
/** A webhook endpoint that we registered, its signing secret sealed. */
export type EndpointRow = z.infer<typeof EndpointRow>;

const EndpointsRow = z.object({
  /**
   * An attempt to make one whose answer isn't stored yet: its part of the idempotency key, and a hash of what was asked.
   * Random, so that a restored backup never repeats an attempt that ended.
   */
  pending: z.object({ attempt: z.string(), request: z.string(), at: z.string() }).nullable(),
  endpoints: z.array(EndpointRow),
});
/** The webhook endpoints that we registered. */
export type EndpointsRow = z.infer<typeof EndpointsRow>;

const KEYS = 'stripe';
const ENDPOINTS = 'stripe_webhook';
const NO_ENDPOINTS: EndpointsRow = { pending: null, endpoints: [] };

/** What each kind of secret is sealed for. */
export const PURPOSE = { secretKey: 'stripe secret key', webhookSecret: 'stripe webhook secret' } as const;

const parseKeys = (value: unknown): KeysRow | undefined => (value === undefined ? undefined : KeysRow.parse(value));
const parseEndpoints = (value: unknown): EndpointsRow =>
  value === undefined ? NO_ENDPOINTS : EndpointsRow.parse(value);

/** Reads the stored keys; undefined when none are. */
export const readKeysRow = async (on: Queryable): Promise<KeysRow | undefined> =>
  parseKeys(await readSetting(on, KEYS));

/** Replaces the stored keys, and keeps `record` with them; twice stores the same. */
export const updateKeysRow = (
  database: Database,
  change: (row: KeysRow | undefined) => KeysRow,
  record: Statement,
): Promise<KeysRow> => updateSetting(database, KEYS, (value) => change(parseKeys(value)), record);

/** Reads the endpoints that we registered. */
export const readEndpointsRow = async (on: Queryable): Promise<EndpointsRow> =>
  parseEndpoints(await readSetting(on, ENDPOINTS));

/** Replaces what is known of the endpoints. */
export const updateEndpointsRow = (
  database: Database,
  change: (row: EndpointsRow) => EndpointsRow,
): Promise<EndpointsRow> => updateSetting(database, ENDPOINTS, (value) => change(parseEndpoints(value)));

/**
 * Seals every stored secret with the vault's present key, and gives how many needed it. Run twice, the second finds
 * nothing to do; whatever was not reached is still opened by the old key.
 *
 * @throws EncryptionKeyError when one of them can't be opened; nothing of its row was changed then
 */
export const resealSecrets = async (database: Database, vault: Vault): Promise<number> => {
  let count = 0;
  const reseal = (sealed: string, purpose: string): string => {
    const secret = vault.open(sealed, purpose);
    if (!vault.isStale(sealed)) return sealed;
    count += 1;
    return vault.seal(secret, purpose);
  };
  if (await readKeysRow(database))
    await updateSetting(database, KEYS, (value) => {
      const row = KeysRow.parse(value);
      return {
        ...row,
        secretKey: reseal(row.secretKey, PURPOSE.secretKey),
        webhookSecrets: row.webhookSecrets.map((secret) => reseal(secret, PURPOSE.webhookSecret)),
      };
    });
  if ((await readEndpointsRow(database)).endpoints.length > 0)
    await updateEndpointsRow(database, (row) => ({
      ...row,
      endpoints: row.endpoints.map((endpoint) => ({
        ...endpoint,
        secret: reseal(endpoint.secret, PURPOSE.webhookSecret),
      })),
    }));
  return count;
};
