import type { Database } from './database.js';

/** What a payment needs of its tables; none of these touches a row, and PostgreSQL refuses each as it would refuse a payment. */
const PROBES = [
  'select pg_catalog.pg_current_xact_id()',
  'select 1 from tollgate.payment where false for no key update',
  'update tollgate.payment set version = version where false',
  'insert into tollgate.payment (version) select version from tollgate.payment where false',
];

/** Begins, writes nothing and commits a transaction as a payment does; rejects where a payment couldn't be taken. May run at any time. */
export const assertTakesPayments = async (database: Database): Promise<void> =>
  database.transaction(async (tx) => {
    for (const text of PROBES) await tx.query({ text });
  });
