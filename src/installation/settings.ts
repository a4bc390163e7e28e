import { BadUserInputError, DomainError } from '../core/errors.js';
import type { Orders } from '../orders/orders.js';
import { writeAudit } from '../storage/audit.js';
import type { Database } from '../storage/database.js';
import type { OrderBinding } from '../storage/order-binding.js';
import type { StripeGateway } from '../stripe/gateway.js';
import type { Vault } from './encryption.js';
import { assertKeyKinds, type KeyPair, verifyKeys } from './key-verification.js';
import { type MoneyPolicies, type MoneyPolicy, readMoneyPolicies, setMoneyPolicies } from './money-policy.js';
import { countOpenElsewhere, type OpenIn, type OpenRows } from './open-rows.js';
import { includesPayments, type Plan, type Plans } from './plan.js';
import { readSetting } from './setting-rows.js';
import { PURPOSE, updateKeysRow } from './stored-keys.js';
import { isLiveKey } from './stripe-connection.js';
import type { GivenKeys, KeyStore } from './stripe-keys.js';
import type { EndpointReport, WebhookEndpoints } from './webhook-endpoint.js';

/** The state of the installation, without any secret. */
export interface PaymentSettings {
  /** Whether an order table is bound and the plan includes payments. */
  readonly active: boolean;
  readonly plan: Plan;
  readonly publishableKey: string | null;
  readonly secretKeySet: boolean;
  readonly webhookSecretSet: boolean;
  /** False without keys. */
  readonly livemode: boolean;
  readonly orderTable: OrderBinding | null;
  /** What becomes of money that comes after a cancel, and of another amount or currency. */
  readonly latePaymentPolicy: MoneyPolicy;
  readonly mismatchPolicy: MoneyPolicy;
}

/** The keys to store. */
export interface ConfigureRequest extends KeyPair {
  /** Of an endpoint that the operator made; left out, Tollgate registers one where PUBLIC_URL is set. */
  readonly webhookSecret?: string | undefined;
}

/** Copied from a page, a key often has white space around it. */
const withoutSpace = ({ publishableKey, secretKey, webhookSecret }: ConfigureRequest): ConfigureRequest => ({
  publishableKey: publishableKey.trim(),
  secretKey: secretKey.trim(),
  webhookSecret: webhookSecret?.trim(),
});

/** What storing the keys came to. */
export interface ConfigureReport {
  /** Stripe's id of the account. */
  readonly account: string;
  readonly livemode: boolean;
  /** Open rows of other modes and accounts: they stay as they are, and these keys don't reach them. */
  readonly openElsewhere: readonly OpenRows[];
  /** `failed`: the keys are stored, the endpoint isn't registered. */
  readonly endpoint: EndpointReport | { readonly outcome: 'failed'; readonly error: DomainError };
}

/** What an operator set, and what of it clients may read. */
export interface Settings {
  /** Stripe's publishable key; null while none is set. */
  publishableKey(): Promise<string | null>;
  read(): Promise<PaymentSettings>;
  /** @throws BadUserInputError, see setMoneyPolicies */
  setMoneyPolicy(given: Parameters<typeof setMoneyPolicies>[1], actor: string): Promise<MoneyPolicies>;
  /**
   * Verifies the keys with Stripe, stores them encrypted, registers the webhook endpoint, and tells every process. The
   * same keys again change nothing. The audit keeps who set them (`actor`; `operator` unless told).
   *
   * @throws BadUserInputError naming the environment variable that wins, or saying what is wrong with which key;
   *   EncryptionKeyError; StripeUnavailableError. Nothing was stored then.
   */
  configure(request: ConfigureRequest, actor?: string): Promise<ConfigureReport>;
}

interface Parts {
  readonly database: Database;
  readonly vault: Vault;
  readonly keys: KeyStore;
  /** What the environment sets; it wins. */
  readonly environment: GivenKeys;
  /** Builds the calls for a key. */
  readonly connect: (key: string) => StripeGateway;
  readonly endpoints: WebhookEndpoints;
  /** Whether Tollgate registers the endpoint, so that secrets of endpoints of the operator's own end. */
  readonly registersEndpoint: boolean;
  /** False where anyone may come: a demo moves nobody's money. */
  readonly takesLiveKeys: boolean;
  /** Where rows may be open that other keys were for. */
  readonly openIn: readonly OpenIn[];
  readonly plans: Pick<Plans, 'current'>;
  readonly orders: Pick<Orders, 'findBinding'>;
  /** Tells every process that the settings changed. */
  readonly changed: () => Promise<void>;
}

const assertNotInEnvironment = (
  { secretKey, publishableKey, webhookSecrets }: GivenKeys,
  withSecret: boolean,
): void => {
  const variables = [
    ...(secretKey === undefined ? [] : ['STRIPE_SECRET_KEY']),
    ...(publishableKey === undefined ? [] : ['STRIPE_PUBLISHABLE_KEY']),
    ...(withSecret && webhookSecrets.length > 0 ? ['STRIPE_WEBHOOK_SECRET'] : []),
  ];
  if (variables.length > 0)
    throw new BadUserInputError(
      `${variables.join(' and ')} ${variables.length > 1 ? 'are' : 'is'} set in the environment, which wins over stored keys. Change it there, or unset it, restart, and configure again.`,
    );
};

export const createSettings = (parts: Parts): Settings => {
  const { database, vault, keys, endpoints, plans, orders } = parts;

  const store = (
    { secretKey, publishableKey, webhookSecret }: ConfigureRequest,
    { account, actor }: { readonly account: string; readonly actor: string },
  ): Promise<unknown> => {
    const livemode = isLiveKey(secretKey);
    const secrets = webhookSecret === undefined ? undefined : [vault.seal(webhookSecret, PURPOSE.webhookSecret)];
    const record = writeAudit(actor, 'STRIPE_KEYS_SET', { publishableKey, livemode, account });
    return updateKeysRow(
      database,
      (row) => ({
        publishableKey,
        secretKey: vault.seal(secretKey, PURPOSE.secretKey),
        // A secret that was given once goes on being accepted, unless Tollgate's own endpoint takes its place.
        webhookSecrets:
          secrets ??
          (!parts.registersEndpoint && row?.account === account && row.livemode === livemode ? row.webhookSecrets : []),
        livemode,
        account,
      }),
      record,
    );
  };

  const ensureEndpoint = async (): Promise<ConfigureReport['endpoint']> => {
    try {
      return await endpoints.ensure();
    } catch (error) {
      if (error instanceof DomainError) return { outcome: 'failed', error };
      throw error;
    }
  };

  return {
    publishableKey: async () => (await keys.read())?.publishableKey ?? null,

    async read() {
      const [plan, found, binding, policies] = await Promise.all([
        plans.current(),
        keys.read(),
        orders.findBinding(),
        readMoneyPolicies(database),
      ]);
      return {
        active: binding !== undefined && includesPayments(plan),
        plan,
        publishableKey: found?.publishableKey ?? null,
        secretKeySet: found !== undefined,
        webhookSecretSet: (found?.webhookSecrets.length ?? 0) > 0,
        livemode: found !== undefined && isLiveKey(found.secretKey),
        orderTable: binding ?? null,
        latePaymentPolicy: policies.latePayment,
        mismatchPolicy: policies.mismatch,
      };
    },

    setMoneyPolicy: (given, actor) => setMoneyPolicies(database, given, actor),

    async configure(given, actor = 'operator') {
      const request = withoutSpace(given);
      assertNotInEnvironment(parts.environment, request.webhookSecret !== undefined);
      assertKeyKinds(request);
      if (isLiveKey(request.secretKey) && !parts.takesLiveKeys)
        throw new BadUserInputError(
          'An embedded run takes no live keys: its demo accounts are open to anyone. Set DATABASE_URL for a real run.',
        );
      const account = await verifyKeys(request, parts.connect);
      await store(request, { account, actor });
      await parts.changed();
      const livemode = isLiveKey(request.secretKey);
      return {
        account,
        livemode,
        openElsewhere: await countOpenElsewhere(database, parts.openIn, { livemode, account }),
        endpoint: await ensureEndpoint(),
      };
    },
  };
};

/** This installation's id, made by the first migration: it marks every object that we make at Stripe. */
export const readInstallation = async (database: Database): Promise<string> => {
  const value = await readSetting(database, 'installation');
  if (typeof value !== 'string') throw new Error('The installation has no id: run "tollgate migrate".');
  return value;
};
