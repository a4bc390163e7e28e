import type { Statement } from '../../storage/database.js';
import type { ChargeSnapshot } from '../../stripe/charge-snapshot.js';
import type { Payment } from './row.js';
import { PAYMENT_COLUMNS } from './rows.js';

/**
 * Remembers a charge, unless a newer word of the same one is known: gives the payment as it shows then, with `isNew`: whether what shows
 * has changed, under a new version. A charge whose status the payment hasn't reached yet waits beside the row, and shows with the version
 * that brings the status. The payment's lock must be held; twice the same changes nothing the second time.
 */
export const writeCharge = (payment: Payment, charge: ChargeSnapshot): Statement => ({
  name: 'payment_write_charge',
  text: `with known as (
      select id, charge, stripe_charge_id = $2 as shows,
        coalesce(charge ->> 'id' = $2 and (charge ->> 'at')::bigint > $5::bigint, false) as is_late
      from tollgate.payment where id = $1),
    said as (
      select id, shows, case when is_late then charge else
        jsonb_build_object('id', $2::text, 'at', $5::bigint, 'method', $3::jsonb, 'receiptUrl', $4::text) end as charge from known)
    update tollgate.payment p set charge = said.charge,
      payment_method = case when shows then coalesce(nullif(said.charge -> 'method', 'null'), p.payment_method) else p.payment_method end,
      receipt_url = case when shows then coalesce(said.charge ->> 'receiptUrl', p.receipt_url) else p.receipt_url end,
      version = p.version + coalesce((shows and
        (coalesce(nullif(said.charge -> 'method', 'null'), p.payment_method) is distinct from p.payment_method
          or coalesce(said.charge ->> 'receiptUrl', p.receipt_url) is distinct from p.receipt_url))::integer, 0),
      updated_at = case when shows then now() else p.updated_at end
    from said where p.id = said.id
    returning ${PAYMENT_COLUMNS}, p.version > $6::integer as "isNew"`,
  values: [
    payment.id,
    charge.chargeId,
    charge.method && JSON.stringify(charge.method),
    charge.receiptUrl,
    charge.at,
    payment.version,
  ],
});
