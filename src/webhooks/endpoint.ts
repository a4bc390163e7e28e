import type { StripeConnection } from '../payments/stripe-connection.js';
import { verifyEvent } from '../stripe/signature.js';
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
 * does nothing. 400: the signature doesn't fit, nothing was stored. 503: nothing could be stored, Stripe keeps it.
 */
export const createWebhookEndpoint = ({
  connection,
  readKeysAgain,
  processor,
  log,
}: {
  connection: Pick<StripeConnection, 'keys'>;
  /** The keys as they are stored now: the secret may be one that another process has just stored. */
  readKeysAgain: StripeConnection['keys'];
  processor: EventProcessor;
  log: { error(detail: object, message: string): void; warn(detail: object, message: string): void };
}) => {
  let warnedAt = Number.NEGATIVE_INFINITY;
  /** Anyone may send anything, so this is told now and then only. */
  const warnOfSignature = (): void => {
    if (performance.now() - warnedAt < WARN_EVERY_MS) return;
    warnedAt = performance.now();
    log.warn(
      {},
      'deliveries are refused: their signature fits no signing secret that is set; run "npx tollgate doctor"',
    );
  };
  return async (body: Buffer, signature: string | undefined): Promise<EndpointAnswer> => {
    try {
      const secrets = (await connection.keys())?.webhookSecrets ?? [];
      if (secrets.length === 0)
        return {
          status: 503,
          body: 'No webhook signing secret is set. Set STRIPE_WEBHOOK_SECRET or run "tollgate configure".',
        };
      const event =
        verifyEvent(body, signature, secrets) ??
        verifyEvent(body, signature, unknownTo((await readKeysAgain())?.webhookSecrets ?? [], secrets));
      if (!event) {
        warnOfSignature();
        return { status: 400, body: 'The signature does not fit this body, or is too old.' };
      }
      await processor.receive(event, body.toString('utf8'));
      return { status: 200, body: 'ok' };
    } catch (error) {
      log.error({ err: error }, 'a delivery could not be stored');
      return { status: 503, body: 'The event could not be stored; send it again.' };
    }
  };
};
