import { credentialsOf, withoutCredentials } from '../core/web-address.js';
import type { Vault } from '../installation/encryption.js';
import { checkPublishableKey } from '../installation/key-verification.js';
import type { Finding, ProblemCode } from '../installation/problems.js';
import { readEndpointsRow, readKeysRow } from '../installation/stored-keys.js';
import { isLiveKey } from '../installation/stripe-connection.js';
import type { KeyStore, KeysInForce } from '../installation/stripe-keys.js';
import { needsMending, type WebhookEndpoints } from '../installation/webhook-endpoint.js';
import type { Database } from '../storage/database.js';
import { StripeCallError } from '../stripe/answer.js';
import { STRIPE_API_VERSION } from '../stripe/client.js';
import type { StripeGateway } from '../stripe/gateway.js';
import { type Check, type CheckOutcome, found, ok } from './checks.js';

interface Parts {
  readonly database: Database;
  readonly vault: Vault;
  readonly keys: KeyStore;
  readonly connect: (key: string) => StripeGateway;
  readonly endpoints: WebhookEndpoints;
  readonly eventTypes: readonly string[];
  readonly publicUrl: string | undefined;
  /** True when another server than Stripe's own is asked: its clock may be a test's. */
  readonly isCompatibleServer: boolean;
}

const NOT_SET = 'not checked: no keys are set';
const CONFIGURE = 'Run "npx tollgate configure", or set STRIPE_SECRET_KEY and STRIPE_PUBLISHABLE_KEY.';
/** Stripe refuses signatures that are five minutes old; half of it leaves room. */
const MOST_SKEW_SECONDS = 150;
const REACH_MS = 5_000;
const DELIVERY_WINDOW_SECONDS = 3_600;
const DELIVERY_GRACE_SECONDS = 60;

/** Runs the check with the keys in force; without any there is nothing to ask Stripe. */
const withKeys =
  ({ keys }: Pick<Parts, 'keys'>, run: (inForce: KeysInForce) => Promise<CheckOutcome>) =>
  async (): Promise<CheckOutcome> => {
    const inForce = await keys.read();
    return inForce ? run(inForce) : ok(NOT_SET);
  };

const checkEncryption = ({ database, vault }: Parts): Check => ({
  title: 'encryption key',
  asks: 'each stored secret, with TOLLGATE_ENCRYPTION_KEY',
  code: 'ENCRYPTION_KEY',
  reach: 'local',
  async run() {
    const [row, { endpoints }] = await Promise.all([readKeysRow(database), readEndpointsRow(database)]);
    const sealed = [...(row ? [row.secretKey, ...row.webhookSecrets] : []), ...endpoints.map(({ secret }) => secret)];
    if (sealed.length === 0)
      return ok(vault.keyId === undefined ? 'not set, and nothing is stored' : 'nothing is stored');
    const closed = sealed.filter((secret) => !vault.knows(secret));
    if (closed.length > 0)
      return found({
        code: 'ENCRYPTION_KEY',
        message: `TOLLGATE_ENCRYPTION_KEY ${vault.keyId === undefined ? 'is not set' : 'does not open'} ${closed.length} of ${sealed.length} stored secret(s).`,
        remedy: 'Set it to the key that they were stored with, or run "npx tollgate configure" with the keys again.',
      });
    return sealed.some((secret) => vault.isStale(secret))
      ? found({
          code: 'ENCRYPTION_KEY_ROTATING',
          message: 'TOLLGATE_ENCRYPTION_KEY_NEW is set, and secrets are still encrypted with the old key.',
          remedy: 'Run "npx tollgate rotate-encryption-key" to finish the rotation.',
        })
      : ok('opens what is stored');
  },
});

const checkKeysSet = ({ keys }: Parts): Check => ({
  title: 'Stripe keys',
  asks: 'the environment, and tollgate.setting',
  code: 'STRIPE_KEYS',
  reach: 'local',
  async run() {
    const inForce = await keys.read();
    if (!inForce)
      return found({
        code: 'STRIPE_KEYS_MISSING',
        message: 'No Stripe keys are set, so nobody can pay.',
        remedy: CONFIGURE,
      });
    const { secretKey, publishableKey, source } = inForce;
    if (isLiveKey(secretKey) !== isLiveKey(publishableKey))
      return found({
        code: 'STRIPE_KEYS_MODE',
        message: 'The secret key and the publishable key are of different modes.',
        remedy: 'Set two test keys or two live keys.',
      });
    return ok(`${isLiveKey(secretKey) ? 'live' : 'test'} keys, ${source}`);
  },
});

const REFUSED: Readonly<Record<'invalid' | 'other-account', string>> = {
  invalid: 'Stripe does not accept the publishable key.',
  'other-account': 'The publishable key belongs to another Stripe account than the secret key.',
};

const checkKeysAtStripe = (parts: Parts): Check => ({
  title: 'keys at Stripe',
  asks: "GET /v1/account of Stripe's API, and whose the publishable key is",
  code: 'STRIPE_UNREACHABLE',
  reach: 'outside',
  run: withKeys(parts, async ({ secretKey, publishableKey }) => {
    const gateway = parts.connect(secretKey);
    try {
      const { object } = await gateway.account();
      const finding = await checkPublishableKey(gateway, parts.connect(publishableKey));
      return finding === 'fits' || finding === 'untold'
        ? ok(`both belong to ${object.id}${finding === 'untold' ? ', as far as it can be told' : ''}`)
        : found({ code: 'STRIPE_KEYS_INVALID', message: REFUSED[finding], remedy: CONFIGURE });
    } catch (error) {
      if (!(error instanceof StripeCallError)) throw error;
      if (error.status === 403) return ok('a restricted key, which may not read its account');
      if (error.failure === 'denied')
        return found({
          code: 'STRIPE_KEYS_INVALID',
          message: 'Stripe does not accept the secret key: it was rolled, or has expired.',
          remedy: CONFIGURE,
        });
      return found({
        code: 'STRIPE_UNREACHABLE',
        message: 'Stripe did not answer as expected.',
        remedy: 'Check that this machine reaches api.stripe.com (or STRIPE_API_BASE), and status.stripe.com.',
      });
    }
  }),
});

const checkClock = (parts: Parts): Check => ({
  title: 'clock',
  asks: "the time of Stripe's answer",
  code: 'CLOCK_SKEW',
  reach: 'outside',
  run: withKeys(parts, async ({ secretKey }) => {
    if (parts.isCompatibleServer) return ok('not checked: STRIPE_API_BASE is set, its clock may be a test clock');
    const { at } = await parts.connect(secretKey).account();
    const skew = Math.round(Date.now() / 1000 - at);
    return Math.abs(skew) <= MOST_SKEW_SECONDS
      ? ok(`within ${Math.abs(skew) + 1} s of Stripe's`)
      : found({
          code: 'CLOCK_SKEW',
          message: `This machine's clock is ${Math.abs(skew)} s ${skew > 0 ? 'ahead of' : 'behind'} Stripe's; webhook signatures are refused beyond 300 s.`,
          remedy: 'Set the clock with NTP (timedatectl set-ntp true).',
        });
  }),
});

const checkSecret = (parts: Parts): Check => ({
  title: 'webhook secret',
  asks: 'the environment, and tollgate.setting',
  code: 'WEBHOOK_SECRET_MISSING',
  reach: 'local',
  run: withKeys(parts, async ({ webhookSecrets, webhookSource }) =>
    webhookSecrets.length > 0
      ? ok(`${webhookSecrets.length} accepted, ${webhookSource}`)
      : found({
          code: 'WEBHOOK_SECRET_MISSING',
          message: 'No webhook secret is set, so no payment can become successful: deliveries are answered 503.',
          remedy:
            'Set PUBLIC_URL to where Stripe can reach this server and run "npx tollgate configure" again, or give --webhook-secret (or STRIPE_WEBHOOK_SECRET) of an endpoint of your own.',
        }),
  ),
});

const checkEndpoint = (parts: Parts): Check => ({
  title: 'webhook endpoint at Stripe',
  asks: "GET /v1/webhook_endpoints of Stripe's API",
  code: 'WEBHOOK_ENDPOINT',
  reach: 'outside',
  run: withKeys(parts, async () => {
    const state = await parts.endpoints.inspect();
    if (!state) return ok('not checked: it is not registered by Tollgate');
    const { wanted, stored, atStripe } = state;
    const remedy =
      'A running server with PUBLIC_URL mends it within the hour; "npx tollgate configure" with the same keys at once.';
    const problem = (code: ProblemCode, message: string): Finding => ({ code, message, remedy });
    if (!stored || !atStripe)
      return found(
        problem('WEBHOOK_ENDPOINT_MISSING', `No webhook endpoint is registered for ${withoutCredentials(wanted.url)}.`),
      );
    if (atStripe.api_version !== STRIPE_API_VERSION)
      return found(
        problem(
          'WEBHOOK_ENDPOINT_VERSION',
          `The webhook endpoint speaks API version ${atStripe.api_version ?? 'of the account'}, not ${STRIPE_API_VERSION}.`,
        ),
      );
    return needsMending(atStripe, wanted)
      ? found(
          problem(
            'WEBHOOK_ENDPOINT_DIFFERS',
            `The webhook endpoint ${atStripe.id} is ${atStripe.status}, delivers to ${withoutCredentials(atStripe.url)}, and its list of events is ${atStripe.enabled_events.length} long; it should deliver ${wanted.eventTypes.length} types to ${withoutCredentials(wanted.url)}.`,
          ),
        )
      : ok(`${atStripe.id}, ${wanted.eventTypes.length} types of events to ${withoutCredentials(wanted.url)}`);
  }),
});

const checkReach = ({ publicUrl }: Parts): Check => ({
  title: 'PUBLIC_URL',
  asks:
    publicUrl === undefined
      ? 'PUBLIC_URL'
      : `GET ${withoutCredentials(publicUrl)}/health`.replace(/\/+health$/, '/health'),
  code: 'PUBLIC_URL_UNREACHABLE',
  reach: 'outside',
  async run() {
    if (publicUrl === undefined) return ok('not set');
    const shown = withoutCredentials(publicUrl);
    const health = new URL('health', shown.endsWith('/') ? shown : `${shown}/`);
    const headers = credentialsOf(publicUrl);
    const answer = await fetch(health, { headers, signal: AbortSignal.timeout(REACH_MS), redirect: 'error' }).then(
      (response) => `answered ${response.status}`,
      () => 'did not answer',
    );
    return answer === 'answered 200'
      ? ok(`${health.href} answers`)
      : found({
          code: 'PUBLIC_URL_UNREACHABLE',
          message: `${health.href} ${answer} (asked from here).`,
          remedy:
            'Start the server, and let PUBLIC_URL, DNS, the certificate and the proxy in front lead to it. Where the address is not meant to be reached from this machine, ask it from outside.',
        });
  },
});

const checkDeliveries = (parts: Parts): Check => ({
  title: 'deliveries from Stripe',
  asks: "GET /v1/events of Stripe's API for the last hour, beside tollgate.stripe_event",
  code: 'DELIVERIES_MISSING',
  reach: 'outside',
  run: withKeys(parts, async ({ secretKey, webhookSecrets }) => {
    if (webhookSecrets.length === 0) return ok('not checked: no webhook secret is set');
    const gateway = parts.connect(secretKey);
    const { at: now } = await gateway.account();
    const since = await firstUse(parts.database);
    if (since === undefined) return ok('none was to come yet');
    const events = (await gateway.recentEvents(Math.max(now - DELIVERY_WINDOW_SECONDS, since))).filter(
      ({ type, created }) => parts.eventTypes.includes(type) && created < now - DELIVERY_GRACE_SECONDS,
    );
    const known = await parts.database.query<{ id: string }>({
      text: 'select id from tollgate.stripe_event where id = any($1)',
      values: [events.map(({ id }) => id)],
    });
    const missing = events.length - known.length;
    return missing === 0
      ? ok(`${events.length} in the last hour, all of them came`)
      : found({
          code: 'DELIVERIES_MISSING',
          message: `${missing} of ${events.length} events of the last hour did not come.`,
          remedy:
            'Look at the endpoint in Stripe, Developers, Webhooks: 400 means that the secret set here is another endpoint\'s, no answer that PUBLIC_URL is not reachable. Then "npx tollgate reconcile".',
        });
  }),
});

/** Before the first delivery, and the first object of ours that Stripe would tell of, there may have been no endpoint. */
const firstUse = async (database: Database): Promise<number | undefined> => {
  const [row] = await database.query<{ at: number | null }>({
    text: `select floor(extract(epoch from least((select min(received_at) from tollgate.stripe_event),
      (select created_at from tollgate.payment order by id limit 1),
      (select created_at from tollgate.recurring_payment order by id limit 1))))::bigint as "at"`,
  });
  return row?.at ?? undefined;
};

/** Whether Stripe and the installation fit each other. */
export const stripeChecks = (parts: Parts): Check[] => [
  checkEncryption(parts),
  checkKeysSet(parts),
  checkKeysAtStripe(parts),
  checkClock(parts),
  checkSecret(parts),
  checkEndpoint(parts),
  checkReach(parts),
  checkDeliveries(parts),
];
