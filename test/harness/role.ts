import { randomBytes } from 'node:crypto';
import { migrate } from '../../src/storage/migrate.js';
import { createEmptyDatabase, type TestDatabase } from './postgres.js';
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

/** A database whose migrations a role ran that is no superuser: it owns Tollgate's tables, and what it makes itself. */
export const createPlainOwner = async (): Promise<{
  readonly database: TestDatabase;
  readonly role: TestRole;
  drop(): Promise<void>;
}> => {
  const database = await createEmptyDatabase();
  const role = await createRole(database.url);
  await sql(
    database.url,
    `grant create on database ${new URL(database.url).pathname.slice(1)} to ${role.name}; grant create on schema public to ${role.name}`,
  );
  await migrate(role.url);
  return {
    database,
    role,
    drop: async () => {
      await sql(
        database.url,
        'drop event trigger if exists tollgate_guard_drop; drop event trigger if exists tollgate_guard_alter',
      );
      await role.drop();
      await database.drop();
    },
  };
};
