import { createHash } from 'node:crypto';
import { IllegalTransitionError, NotConfiguredError } from '../core/errors.js';
import type { Database } from '../storage/database.js';
import { NotAnAnswerError, StripeCallError } from '../stripe/answer.js';
import type { StripeGateway } from '../stripe/gateway.js';
import { refusalOf } from '../stripe/refusal.js';

/** What an operator gave us to talk to Stripe with. */
export interface StripeKeys {
  readonly secretKey: string;
  readonly publishableKey: string;
  /** Several while one is being rotated; none: webhooks can't be verified. */
  readonly webhookSecrets: readonly string[];
}

/** A usable connection: the calls, and the mode and account that its rows belong to. */
export interface StripeAccess {
  readonly gateway: StripeGateway;
  readonly publishableKey: string;
  readonly livemode: boolean;
  /** Stripe's id of the account. */
  readonly account: string;
}

/** With which keys Stripe is called, and for whom: `account:<id>`, `stripe`, `operator` or `job`, for the timeline. */
export interface Who {
  readonly access: StripeAccess;
  readonly actor: string;
}

/**
 * Refuses a row that was made with other keys than these: its object is unknown there, and another one in its place would take
 * money that the row's mode and account don't tell of.
 *
 * @throws IllegalTransitionError
 */
export const assertReachable = (
  what: 'Payment' | 'Recurring payment',
  row: { readonly id: string; readonly livemode: boolean; readonly stripeAccount: string },
  access: Pick<StripeAccess, 'livemode' | 'account'>,
): void => {
  if (row.livemode !== access.livemode || row.stripeAccount !== access.account)
    throw new IllegalTransitionError(
      `${what} ${row.id} was made with the keys of another Stripe account or mode; end it there.`,
    );
};

/** Stripe as the keys of this moment reach it. */
export interface StripeConnection {
  /** @throws NotConfiguredError without keys, StripeUnavailableError when the account can't be learned */
  access(): Promise<StripeAccess>;
  /** The keys of this moment; undefined without. */
  keys(): Promise<StripeKeys | undefined>;
  /** The mode of the keys; undefined without keys. */
  livemode(): Promise<boolean | undefined>;
}

/** Whether a secret or restricted key moves real money. Source: Stripe docs, "API keys". */
export const isLiveKey = (secretKey: string): boolean => /^[a-z]+_live_/.test(secretKey);

const nameOf = (secretKey: string): string =>
  `stripe_account:${createHash('sha256').update(secretKey).digest('hex').slice(0, 24)}`;

/**
 * Asks for the account behind a key. A compatible server without accounts, or a key that may not read its own: the key
 * itself names the account.
 *
 * @throws StripeCallError
 */
export const accountOf = (gateway: StripeGateway, secretKey: string): Promise<string> =>
  gateway.accountId().catch((error: unknown) => {
    if (error instanceof StripeCallError && (error.status === 404 || error.status === 403)) return nameOf(secretKey);
    throw error;
  });

/** Builds the connection; `keys` is asked at each use, so changed keys take effect without a restart. */
export const createStripeConnection = ({
  database,
  keys,
  connect,
}: {
  database: Database;
  keys: () => Promise<StripeKeys | undefined>;
  /** Builds the calls for a secret key; cheap, called once per key. */
  connect: (secretKey: string) => StripeGateway;
}): StripeConnection => {
  let current: { secretKey: string; gateway: StripeGateway; account?: string } | undefined;

  /** The account behind a key never changes, so it is learned once for the whole installation. */
  const learnAccount = async (secretKey: string, gateway: StripeGateway): Promise<string> => {
    const name = nameOf(secretKey);
    const [known] = await database.query<{ value: string }>({
      text: 'select value from tollgate.setting where key = $1',
      values: [name],
    });
    if (known) return known.value;
    const account = await accountOf(gateway, secretKey);
    // It is stored for good, and every row is bound to it.
    if ((await accountOf(gateway, secretKey)) !== account) throw new NotAnAnswerError('two accounts of one key');
    await database.query({
      text: `insert into tollgate.setting (key, value) values ($1, to_jsonb($2::text)) on conflict (key) do nothing`,
      values: [name, account],
    });
    return account;
  };

  return {
    keys,
    async livemode() {
      const found = await keys();
      return found && isLiveKey(found.secretKey);
    },
    async access() {
      const found = await keys();
      if (!found) throw new NotConfiguredError();
      if (current?.secretKey !== found.secretKey)
        current = { secretKey: found.secretKey, gateway: connect(found.secretKey) };
      const { gateway, account } = current;
      try {
        const known = account ?? (await learnAccount(found.secretKey, gateway));
        if (current.secretKey === found.secretKey) current.account = known;
        return { gateway, publishableKey: found.publishableKey, livemode: isLiveKey(found.secretKey), account: known };
      } catch (error) {
        throw refusalOf(error);
      }
    },
  };
};
