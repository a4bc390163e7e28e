import type { Sandbox } from '../../sandbox/sandbox.js';

/** What a fault concerns and does; see docs/sandbox.md. */
export interface FaultOrder {
  readonly match: { readonly method?: string; readonly path?: string; readonly eventType?: string };
  readonly kind: string;
  readonly times?: number;
  readonly status?: number;
  readonly applied?: boolean;
  /** Whether the idempotency key keeps the answer. */
  readonly saved?: boolean;
  readonly delayMs?: number;
}

const post = async (sandbox: Sandbox, path: string, body: object): Promise<unknown> => {
  const response = await fetch(`${sandbox.url}/_sandbox${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
};

/** Makes the sandbox fail on demand. */
export const addFault = (sandbox: Sandbox, fault: FaultOrder): Promise<unknown> => post(sandbox, '/faults', fault);

/** Forgets all faults. */
export const clearFaults = async (sandbox: Sandbox): Promise<void> => {
  await fetch(`${sandbox.url}/_sandbox/faults`, { method: 'DELETE' });
};

/** Moves the sandbox's clock; answers when all that was due has happened and been delivered. */
export const advanceClock = (sandbox: Sandbox, advanceSeconds: number): Promise<unknown> =>
  post(sandbox, '/clock', { advanceSeconds });

/** Ends the authentication that a payment intent waits for. */
export const authenticate = (sandbox: Sandbox, intentId: string, outcome: 'complete' | 'fail'): Promise<unknown> =>
  post(sandbox, `/payment_intents/${intentId}/authenticate`, { outcome });

/** Money comes for a payment intent that was cancelled. */
export const succeedLate = (sandbox: Sandbox, intentId: string): Promise<unknown> =>
  post(sandbox, `/payment_intents/${intentId}/succeed_late`, {});
