import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  holdsReservation,
  isLive,
  isOpen,
  isPaid,
  PAYMENT_STATUSES,
  RECURRING_STATUSES,
  REFUND_STATUSES,
} from '../../src/core/states.js';
import { OPEN_DISPUTE } from '../../src/nouns/disputes/row.js';
import { DISPUTE_STATUSES, OPEN_DISPUTE_STATUSES } from '../../src/nouns/disputes/states.js';
import { OPEN_PAYMENT, paidPayment } from '../../src/nouns/payments/row.js';
import { LIVE_RECURRING } from '../../src/nouns/recurring/row.js';
import { RESERVES } from '../../src/nouns/refunds/row.js';
import { createDatabase, type Database } from '../../src/storage/database.js';
import { createTestDatabase, type TestDatabase } from '../harness/postgres.js';

let own: TestDatabase;
let database: Database;
beforeAll(async () => {
  own = await createTestDatabase();
  database = createDatabase({ url: own.url, poolSize: 2 });
});
afterAll(async () => {
  await database.close();
  await own.drop();
});

/** What SQL says of a row with this status and this payment intent. */
const asSql = async (rule: string, status: string, intent: string | null): Promise<boolean | undefined> =>
  (
    await database.query<{ holds: boolean }>({
      text: `select ${rule} as "holds" from (select $1::text as status, $2::text as stripe_payment_intent_id) row`,
      values: [status, intent],
    })
  )[0]?.holds;

test('what SQL and the tables of states call an open payment, a paid one, a live recurring payment, a reserving refund and an open dispute is the same', async () => {
  let compared = 0;
  for (const status of PAYMENT_STATUSES)
    for (const stripePaymentIntentId of [null, 'pi_1']) {
      expect(await asSql(OPEN_PAYMENT, status, stripePaymentIntentId)).toBe(isOpen({ status, stripePaymentIntentId }));
      compared += 1;
    }
  for (const status of PAYMENT_STATUSES) {
    expect(await asSql(paidPayment(), status, null)).toBe(isPaid({ status }));
    compared += 1;
  }
  for (const status of RECURRING_STATUSES) {
    expect(await asSql(LIVE_RECURRING, status, null)).toBe(isLive({ status }));
    compared += 1;
  }
  for (const status of REFUND_STATUSES) {
    expect(await asSql(RESERVES, status, null)).toBe(holdsReservation(status));
    compared += 1;
  }
  for (const status of DISPUTE_STATUSES) {
    expect(await asSql(OPEN_DISPUTE, status, null)).toBe(OPEN_DISPUTE_STATUSES.includes(status));
    compared += 1;
  }
  expect(compared).toBe(45);
});
