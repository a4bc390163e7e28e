import type { StripeConnection } from '../installation/stripe-connection.js';
import { type SignatureVerdict, verifySignature } from '../stripe/signature.js';
import { blameClock } from './clock-blame.js';
import { readDelivery } from './delivery.js';
import type { EventProcessor } from './process-event.js';

/** The answer to a delivery. */
export interface EndpointAnswer {
  readonly status: 200 | 400 | 503;
  readonly body: string;
}

const WARN_EVERY_MS = 60_000;

const unknownTo = (secrets: readonly string[], known: readonly string[]): readonly string[] =>
  secrets.filter((secret) => !known.includes(secret));

/**
 * Verifies and stores one delivery. 2xx only when the event is safely stored; a repeated delivery is acknowledged and
 * does nothing. 400: the signature doesn't fit, or the body can never be an event; nothing was stored. 503: nothing could be
 * stored, Stripe keeps it.
 */
export const createWebhookEndpoint = ({
  connection,
  readKeysAgain,
  readClock,
  processor,
  log,
}: {
  connection: Pick<StripeConnection, 'keys'>;
  /** The keys as they are stored now: the secret may be one that another process has just stored. */
  readKeysAgain: StripeConnection['keys'];
  /** The database's time. */
  readClock: () => Promise<Date>;
  processor: EventProcessor;
  log: { error(detail: object, message: string): void; warn(detail: object, message: string): void };
}) => {
  const warnings = new Map<string, number>();
  /** Anyone may send anything, so each is told now and then only. */
  const warn = (detail: object, message: string): void => {
    if (performance.now() - (warnings.get(message) ?? Number.NEGATIVE_INFINITY) < WARN_EVERY_MS) return;
    warnings.set(message, performance.now());
    log.warn(detail, message);
  };

  const verify = async (body: Buffer, signature: string | undefined, secrets: readonly string[]) => {
    const verdict = verifySignature(body, signature, secrets);
    if (verdict.kind !== 'unknown') return verdict;
    return verifySignature(body, signature, unknownTo((await readKeysAgain())?.webhookSecrets ?? [], secrets));
  };

  const databaseSecondsOff = (): Promise<number | undefined> =>
    readClock().then(
      (time) => (time.getTime() - Date.now()) / 1000,
      () => undefined,
    );

  /** Undefined where the delivery may be taken. */
  const refusalOf = async (verdict: SignatureVerdict): Promise<EndpointAnswer | undefined> => {
    switch (verdict.kind) {
      case 'fits':
        return undefined;
      case 'clock': {
        const body = blameClock(verdict.secondsOff, await databaseSecondsOff());
        warn({ cause: body }, 'deliveries are refused: their signature fits, but a clock is wrong');
        return { status: 400, body };
      }
      default:
        warn(
          {},
          'deliveries are refused: their signature fits no signing secret that is set; run "npx tollgate doctor"',
        );
        return { status: 400, body: 'The signature does not fit this body.' };
    }
  };

  return async (body: Buffer, signature: string | undefined): Promise<EndpointAnswer> => {
    try {
      const secrets = (await connection.keys())?.webhookSecrets ?? [];
      if (secrets.length === 0)
        return {
          status: 503,
          body: 'No webhook signing secret is set. Set STRIPE_WEBHOOK_SECRET or run "tollgate configure".',
        };
      const refusal = await refusalOf(await verify(body, signature, secrets));
      if (refusal) return refusal;
      const delivery = readDelivery(body.toString('utf8'));
      if ('fault' in delivery) {
        warn(delivery, 'a signed body was refused that is no event');
        return { status: 400, body: `The signature fits, but the body is no event of Stripe's: ${delivery.fault}.` };
      }
      await processor.receive(delivery);
      return { status: 200, body: 'ok' };
    } catch (error) {
      log.error({ err: error }, 'a delivery could not be stored');
      return { status: 503, body: 'The event could not be stored; send it again.' };
    }
  };
};
