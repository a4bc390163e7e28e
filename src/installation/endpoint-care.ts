import type { KeyStore } from './stripe-keys.js';
import type { WebhookEndpoints } from './webhook-endpoint.js';

/** How soon other keys are noticed, and how often the webhook endpoint is looked after. */
export interface KeyTiming {
  readonly keptMs: number;
  readonly careEveryMs: number;
}

/** What was true in the dashboard this long ago is looked at again. */
const ENSURE_EVERY_MS = 3_600_000;

/**
 * Builds the work that looks after the webhook endpoint in a running server; call it every minute. It registers or mends
 * the endpoint at the start, when the keys changed and every hour, and ends rotations whose overlap is over. Twice, or in
 * several processes at once, is harmless.
 */
export const createEndpointCare = (
  keys: Pick<KeyStore, 'read'>,
  endpoints: Pick<WebhookEndpoints, 'ensure' | 'retireDue'>,
): (() => Promise<void>) => {
  let ensured: { secretKey: string; at: number } | undefined;
  return async () => {
    const found = await keys.read();
    if (!found) return;
    const { secretKey } = found;
    if (ensured?.secretKey !== secretKey || performance.now() - ensured.at > ENSURE_EVERY_MS) {
      await endpoints.ensure();
      ensured = { secretKey, at: performance.now() };
    }
    await endpoints.retireDue();
  };
};
