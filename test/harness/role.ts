import { randomBytes } from 'node:crypto';
import { sql } from './sql.js';

/** A role of a test's own, which may log in and nothing more. */
export interface TestRole {
  readonly name: string;
  /** The database's address as this role. */
  readonly url: string;
  /** Takes its rights and itself away; its connections must be closed. */
  drop(): Promise<void>;
}

/** Makes a role on the server of a test's database. Drop it before the database. */
export const createRole = async (databaseUrl: string): Promise<TestRole> => {
  const name = `tollgate_role_${randomBytes(4).toString('hex')}`;
  await sql(databaseUrl, `create role ${name} login password 'role'`);
  const url = new URL(databaseUrl);
  url.username = name;
  url.password = 'role';
  return {
    name,
    url: url.href,
    drop: async () => {
      await sql(databaseUrl, `drop owned by ${name} cascade; drop role ${name}`);
    },
  };
};
