import { changeOf, type VersionEntry } from '../../outbox/change-log.js';
import type { Statement } from '../../storage/database.js';
import { PAYMENT_COLUMNS } from './rows.js';

/** Keeps the customer that a payment's object is made for, the first that is known; gives the row. */
export const writeCustomer = (id: string, customerId: string): Statement => ({
  name: 'payment_write_customer',
  text: `update tollgate.payment p set stripe_customer_id = coalesce(stripe_customer_id, $2) where id = $1
    returning ${PAYMENT_COLUMNS}`,
  values: [id, customerId],
});

/** Another customer in place of one that is gone, an attempt after the present one, and why, in the timeline; gives the row. */
export const writeNextCustomer = (id: string, customerId: string, entry: VersionEntry): Statement => {
  const change = changeOf('PAYMENT', 'p', entry, 2);
  return {
    text: `with p as (
      update tollgate.payment set stripe_customer_id = $2, attempt = attempt + 1, attempted_at = now(),
        version = version + 1, updated_at = now()
      where id = $1 returning *),
    entry as (${change.text})
    select ${PAYMENT_COLUMNS} from p`,
    values: [id, customerId, ...change.values],
  };
};
