const LARGEST_BIGINT = 9_223_372_036_854_775_807n;

/**
 * The id as the database writes it: topics are named by it, and "007" would find row 7 but hear nothing of it.
 * Undefined for what can't be the id of a payment, refund or recurring payment.
 */
export const rowKey = (id: string): string | undefined => {
  if (!/^\d{1,19}$/.test(id)) return undefined;
  const number = BigInt(id);
  return number <= LARGEST_BIGINT ? number.toString() : undefined;
};
