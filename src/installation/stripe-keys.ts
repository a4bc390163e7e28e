import { readClock } from '../storage/clock.js';
import type { Database } from '../storage/database.js';
import type { Vault } from './encryption.js';
import { PURPOSE, readEndpointsRow, readKeysRow } from './stored-keys.js';
import type { StripeKeys } from './stripe-connection.js';

/** Keys as a configuration gives them; undefined where it leaves them open. */
export interface GivenKeys {
  readonly secretKey: string | undefined;
  readonly publishableKey: string | undefined;
  readonly webhookSecrets: readonly string[];
}

/** Where the keys in force come from. */
export type KeySource = 'environment' | 'stored' | 'sandbox';

/** The keys in force, with where they and the webhook secrets came from. */
export interface KeysInForce extends StripeKeys {
  readonly source: KeySource;
  /** `endpoint`: of endpoints that we registered; `given`: an operator copied it from Stripe. */
  readonly webhookSource: 'environment' | 'given' | 'endpoint' | 'sandbox' | 'none';
}

/** The Stripe keys of this moment, kept for a few seconds so that a webhook costs no query. */
export interface KeyStore {
  /**
   * The keys in force; undefined when none are set.
   *
   * @throws EncryptionKeyError when stored ones can't be opened
   */
  read(): Promise<KeysInForce | undefined>;
  /** Reads again what was read more than a second ago: for a signature that fits no secret that is known. */
  readAgain(): Promise<KeysInForce | undefined>;
  /** Forgets what was read: the keys changed, here or in another process. */
  forget(): void;
}

interface Parts {
  readonly database: Database;
  readonly vault: Vault;
  /** What the environment sets; it wins. */
  readonly environment: GivenKeys;
  /** What the embedded run's sandbox takes; used where nothing else is set. */
  readonly sandbox?: GivenKeys | undefined;
  /** Should the word of a change be lost, keys are read again after this; five seconds unless told. */
  readonly keptMs?: number;
}

const KEPT_MS = 5_000;
const KEPT_AT_LEAST_MS = 1_000;

export const createKeyStore = (parts: Parts): KeyStore => {
  const { database, vault, environment, sandbox, keptMs = KEPT_MS } = parts;
  let kept: { keys: Promise<KeysInForce | undefined>; readAt: number } | undefined;

  const storedSecrets = async (given: readonly string[]): Promise<string[]> => {
    const { endpoints } = await readEndpointsRow(database);
    const now = await readClock(database);
    const accepted = endpoints.filter(({ retireAt }) => retireAt === null || Date.parse(retireAt) > now.getTime());
    return [...given, ...accepted.map(({ secret }) => secret)].map((sealed) =>
      vault.open(sealed, PURPOSE.webhookSecret),
    );
  };

  const webhookSecrets = async (
    given: readonly string[],
  ): Promise<Pick<KeysInForce, 'webhookSecrets' | 'webhookSource'>> => {
    const sandboxSecrets = sandbox?.webhookSecrets ?? [];
    if (environment.webhookSecrets.length > 0)
      return { webhookSecrets: [...environment.webhookSecrets, ...sandboxSecrets], webhookSource: 'environment' };
    const stored = await storedSecrets(given);
    if (sandbox) return { webhookSecrets: [...stored, ...sandboxSecrets], webhookSource: 'sandbox' };
    const webhookSource = given.length > 0 ? 'given' : stored.length > 0 ? 'endpoint' : 'none';
    return { webhookSecrets: stored, webhookSource };
  };

  const load = async (): Promise<KeysInForce | undefined> => {
    const { secretKey, publishableKey } = environment;
    const row = await readKeysRow(database);
    if (secretKey !== undefined && publishableKey !== undefined)
      return { secretKey, publishableKey, source: 'environment', ...(await webhookSecrets(row?.webhookSecrets ?? [])) };
    if (row)
      return {
        secretKey: vault.open(row.secretKey, PURPOSE.secretKey),
        publishableKey: row.publishableKey,
        source: 'stored',
        ...(await webhookSecrets(row.webhookSecrets)),
      };
    if (sandbox?.secretKey === undefined || sandbox.publishableKey === undefined) return undefined;
    const { secretKey: ownSecretKey, publishableKey: ownPublishableKey } = sandbox;
    return {
      secretKey: ownSecretKey,
      publishableKey: ownPublishableKey,
      source: 'sandbox',
      ...(await webhookSecrets([])),
    };
  };

  const readUnlessYoungerThan = (ageMs: number): Promise<KeysInForce | undefined> => {
    if (kept && performance.now() - kept.readAt < ageMs) return kept.keys;
    const keys = load();
    const mine = { keys, readAt: performance.now() };
    kept = mine;
    keys.catch(() => {
      if (kept === mine) kept = undefined;
    });
    return keys;
  };

  return {
    read: () => readUnlessYoungerThan(keptMs),
    readAgain: () => readUnlessYoungerThan(Math.min(keptMs, KEPT_AT_LEAST_MS)),
    forget() {
      kept = undefined;
    },
  };
};
