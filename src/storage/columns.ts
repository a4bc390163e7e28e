/** Whole numbers kept as `bigint` columns and read as numbers: amounts have at most 12 digits, far below 2^53. */
export const wholeNumber = {
  from: (value: string | number | null): number | null => (value === null ? null : Number(value)),
  to: (value: number | null): number | null => value,
};

/** Keys of any type (bigint, integer, uuid) read as strings, as GraphQL's ID shows them. */
export const keyText = {
  from: (value: unknown): string | null => (value === null || value === undefined ? null : String(value)),
  to: (value: unknown): unknown => value,
};
