/** SQL for a column, or a parameter, that holds one of these statuses. */
export const statusIn = (statuses: readonly string[], column = 'status'): string =>
  statuses.length === 1 ? `${column} = '${statuses[0]}'` : `${column} in ('${statuses.join("', '")}')`;

/** SQL for a column that holds none of these statuses. */
export const statusNotIn = (statuses: readonly string[]): string => `status not in ('${statuses.join("', '")}')`;
