import { OWN_PARTITION } from './deliveries.js';
import type { Kind, StripeObject } from './kind.js';
import type { Store } from './store.js';

/** The key itself is the id. */
const rows: Kind<StripeObject> = { table: 'expired_key' };

/** The keys that were rolled and are over (Stripe: "Rolling keys"). */
export interface ExpiredKeys {
  has(key: string): boolean;
  /** From now on it is refused; twice is once. */
  add(key: string): void;
}

export const createExpiredKeys = (store: Store): ExpiredKeys => ({
  has: (key) => store.get(OWN_PARTITION, rows, key) !== undefined,
  add: (key) => store.put(OWN_PARTITION, rows, { id: key, object: 'expired_key' }),
});
