const LARGEST_BIGINT = 9_223_372_036_854_775_807n;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * The id as the database writes it: topics are named by it, and "007" would find row 7 but hear nothing of it.
 * Undefined for what can't be the id of a payment, refund or recurring payment.
 */
export const rowKey = (id: string): string | undefined => {
  if (!/^\d{1,19}$/.test(id)) return undefined;
  const number = BigInt(id);
  return number <= LARGEST_BIGINT ? number.toString() : undefined;
};

/** The same for an order's key, which may be a uuid too. */
export const orderKey = (orderId: string): string | undefined =>
  UUID.test(orderId) ? orderId.toLowerCase() : rowKey(orderId);
