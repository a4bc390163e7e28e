import { randomUUID } from 'node:crypto';
import { BadUserInputError } from '../core/errors.js';
import { StripeCallError } from '../stripe/answer.js';
import type { StripeGateway } from '../stripe/gateway.js';
import type { IntentSample } from '../stripe/operator-calls.js';
import { refusalOf } from '../stripe/refusal.js';
import { accountOf, isLiveKey } from './stripe-connection.js';

/** The keys that an operator gives. */
export interface KeyPair {
  readonly publishableKey: string;
  readonly secretKey: string;
}

/** How the publishable key stands to the secret one. `untold`: the account has no intent to try it on. */
export type PublishableKeyFinding = 'fits' | 'invalid' | 'other-account' | 'untold';

const WHERE = 'Copy it from Stripe: Developers, API keys.';

const kindOf = (key: string): string => {
  if (key.startsWith('pk_')) return 'That is a publishable key.';
  if (/^(sk|rk)_/.test(key)) return 'That is a secret key.';
  return key.startsWith('whsec_') ? "That is a webhook endpoint's signing secret." : 'That is no key of Stripe.';
};

const modeWord = (livemode: boolean): string => (livemode ? 'live' : 'test');

/** Refuses what can't be a pair of keys of one mode, in words that hold no part of a key. */
export const assertKeyKinds = ({
  publishableKey,
  secretKey,
  webhookSecret,
}: KeyPair & { readonly webhookSecret?: string | undefined }): void => {
  if (!/^pk_(test|live)_\w+$/.test(publishableKey))
    throw new BadUserInputError(
      `The publishable key starts with pk_test_ or pk_live_. ${kindOf(publishableKey)} ${WHERE}`,
    );
  if (!/^(sk|rk)_(test|live)_\w+$/.test(secretKey))
    throw new BadUserInputError(
      `The secret key starts with sk_test_, sk_live_ or rk_ (restricted). ${kindOf(secretKey)} ${WHERE}`,
    );
  if (webhookSecret !== undefined && !/^whsec_\S+$/.test(webhookSecret))
    throw new BadUserInputError(
      `A webhook secret starts with whsec_. ${kindOf(webhookSecret)} Copy it from the endpoint in Stripe: Developers, Webhooks.`,
    );
  if (isLiveKey(publishableKey) !== isLiveKey(secretKey))
    throw new BadUserInputError(
      `The publishable key is a ${modeWord(isLiveKey(publishableKey))} key, the secret key a ${modeWord(isLiveKey(secretKey))} key. Give two test keys or two live keys.`,
    );
};

const isFailure = (error: unknown, ...failures: StripeCallError['failure'][]): boolean =>
  error instanceof StripeCallError && failures.includes(error.failure);

const tryKey = async (browser: StripeGateway, sample: IntentSample): Promise<'fits' | 'invalid' | 'other-account'> => {
  try {
    await browser.readIntent(sample);
    return 'fits';
  } catch (error) {
    if (isFailure(error, 'denied')) return 'invalid';
    if (isFailure(error, 'refused')) return 'other-account';
    throw error;
  }
};

/** No intent of anybody: Stripe says that it doesn't exist, unless the key itself is wrong. */
const NOBODYS: IntentSample = {
  kind: 'payment_intent',
  id: 'pi_tollgatechecksthiskey',
  clientSecret: 'pi_tollgatechecksthiskey_secret_none',
};

/** Tries the publishable key on the account's newest intent, as a browser would use it. */
export const checkPublishableKey = async (
  secret: StripeGateway,
  browser: StripeGateway,
): Promise<PublishableKeyFinding> => {
  const sample = await secret.sampleIntent().catch((error: unknown) => {
    // A restricted key may not list them.
    if (isFailure(error, 'denied', 'refused')) return undefined;
    throw error;
  });
  if (sample) return tryKey(browser, sample);
  return (await tryKey(browser, NOBODYS)) === 'invalid' ? 'invalid' : 'untold';
};

/** As `checkPublishableKey`, and on an account without any intent it makes one, which it cancels: it collects nothing. */
const checkThoroughly = async (secret: StripeGateway, browser: StripeGateway): Promise<PublishableKeyFinding> => {
  const finding = await checkPublishableKey(secret, browser);
  if (finding !== 'untold') return finding;
  const sample = await secret.createSampleIntent(`tg:key-check:${randomUUID()}`).catch((error: unknown) => {
    if (isFailure(error, 'denied', 'refused')) return undefined;
    throw error;
  });
  if (!sample) return 'untold';
  try {
    return await tryKey(browser, sample);
  } finally {
    await secret.discardIntent(sample.id).catch(() => undefined);
  }
};

/**
 * Asks Stripe whether the keys are good and belong to one account, and gives that account's id.
 *
 * @throws BadUserInputError saying which key is wrong and how, StripeUnavailableError when Stripe can't be asked
 */
export const verifyKeys = async (
  { publishableKey, secretKey }: KeyPair,
  connect: (key: string) => StripeGateway,
): Promise<string> => {
  const secret = connect(secretKey);
  try {
    const account = await accountOf(secret, secretKey);
    const finding = await checkThoroughly(secret, connect(publishableKey));
    if (finding === 'invalid')
      throw new BadUserInputError(
        `Stripe does not accept the publishable key: it was mistyped, or rolled. Nothing was stored. ${WHERE}`,
      );
    if (finding === 'other-account')
      throw new BadUserInputError(
        'The publishable key belongs to another Stripe account than the secret key. Nothing was stored. Copy both from the same account.',
      );
    return account;
  } catch (error) {
    if (isFailure(error, 'denied'))
      throw new BadUserInputError(
        `Stripe does not accept the secret key: it was mistyped, rolled, or has expired. Nothing was stored. ${WHERE}`,
      );
    throw refusalOf(error);
  }
};
