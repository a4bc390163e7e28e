/** SQL for a column that holds one of these statuses. */
export const statusIn = (statuses: readonly string[]): string =>
  statuses.length === 1 ? `status = '${statuses[0]}'` : `status in ('${statuses.join("', '")}')`;

/** SQL for a column that holds none of these statuses. */
export const statusNotIn = (statuses: readonly string[]): string => `status not in ('${statuses.join("', '")}')`;
