import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { createFlowFiles, type FlowFiles } from '../flows/flow-files.js';
import { createVault, type Vault } from '../installation/encryption.js';
import { createPlans, type Plans } from '../installation/plan.js';
import { createRoles, type Roles } from '../installation/roles.js';
import { createStripeConnection, type StripeConnection } from '../installation/stripe-connection.js';
import { createKeyStore, type GivenKeys, type KeyStore } from '../installation/stripe-keys.js';
import { createOrders, type Orders } from '../orders/orders.js';
import type { PubSub } from '../outbox/pubsub.js';
import { SETTINGS_TOPIC } from '../outbox/topics.js';
import type { Database } from '../storage/database.js';
import type { ObserveCall } from '../stripe/answer.js';
import { connectStripe, type StripeGateway } from '../stripe/gateway.js';

/** What an operator decides, read by everything else. */
export interface OperatorParts {
  readonly orders: Orders;
  readonly plans: Plans;
  readonly roles: Roles;
  readonly vault: Vault;
  readonly keys: KeyStore;
  readonly flowFiles: FlowFiles | undefined;
  /** The calls to Stripe under a secret key. */
  readonly connect: (secretKey: string) => StripeGateway;
  readonly connection: StripeConnection;
  /** Tells every process that a setting changed. */
  readonly settingsChanged: () => Promise<void>;
}

/** How processes hear of each other's settings. */
export interface SettingsLink {
  /** Tells the others; never rejects. */
  tell(): Promise<void>;
  /** Calls back at each change in another process; left out, this one doesn't live long enough. */
  hear?(changed: () => void): void;
}

interface Needs {
  readonly config: Pick<Config, 'encryption' | 'stripe'>;
  readonly database: Database;
  readonly link: SettingsLink;
  /** Keys of the environment, and those of the sandbox where one runs beside. */
  readonly environment: Config['stripe'];
  readonly sandbox: GivenKeys | undefined;
  readonly flowFolder: string | undefined;
  /** See `createKeyStore`. */
  readonly keptMs?: number | undefined;
  /** Ends what is under way at Stripe. */
  readonly stopCalls?: AbortSignal;
  readonly observeCall?: ObserveCall;
}

/** The link of a server. */
export const linkSettings = (pubsub: PubSub, log: Logger): SettingsLink => ({
  tell: () =>
    pubsub
      .publish(SETTINGS_TOPIC, '{}')
      .catch((error: unknown) => log.warn({ err: error }, 'other processes hear of the new settings within seconds')),
  hear(changed) {
    // Waits while Redis is down, and must not keep the start from going on.
    void pubsub.subscribe(SETTINGS_TOPIC, changed).catch(() => undefined);
  },
});

/** Builds what an operator decides, for a server and for a command; a change here or in another process is heard at once. */
export const createOperatorParts = (needs: Needs): OperatorParts => {
  const { config, database, link, flowFolder, stopCalls, observeCall } = needs;
  const plans = createPlans({ database, changed: () => settingsChanged() });
  const roles = createRoles(database);
  const orders = createOrders(database);
  const vault = createVault(config.encryption);
  const keys = createKeyStore({
    ...{ database, vault, environment: needs.environment, sandbox: needs.sandbox },
    ...(needs.keptMs !== undefined && { keptMs: needs.keptMs }),
  });
  const forget = (): void => {
    plans.forget();
    roles.forget();
    orders.forget();
    keys.forget();
  };
  const settingsChanged = (): Promise<void> => {
    forget();
    return link.tell();
  };
  link.hear?.(forget);
  const { apiBase, timeoutMs } = config.stripe;
  const connect = (secretKey: string): StripeGateway =>
    connectStripe({
      secretKey,
      timeoutMs,
      observe: observeCall,
      ...(stopCalls && { stop: stopCalls }),
      ...(apiBase !== undefined && { apiBase }),
    });
  return {
    orders,
    plans,
    roles,
    vault,
    keys,
    flowFiles: flowFolder === undefined ? undefined : createFlowFiles(flowFolder),
    connect,
    connection: createStripeConnection({ database, keys: () => keys.read(), connect }),
    settingsChanged,
  };
};
