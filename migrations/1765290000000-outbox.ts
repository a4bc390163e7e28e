import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What is still to be told, one row for what one statement changed, deleted once it was. The release before goes on with
 * `published_at`, which this one fills as it writes: what that release leaves untold is in the outbox too.
 */
export class Outbox1765290000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`create table tollgate.outbox (
      id bigint generated always as identity primary key,
      node_type text not null,
      node_ids bigint[] not null,
      versions integer[] not null,
      at timestamptz not null default now()
    )`);
    // By its owner's rights, so that a server whose role has yet to get rights on the new table goes on.
    await runner.query(`create function tollgate.announce() returns trigger language plpgsql security definer
      set search_path = pg_catalog, pg_temp as $announce$
    begin
      insert into tollgate.outbox (node_type, node_ids, versions, at)
        select f.node_type, array_agg(f.node_id), array_agg(f.version), min(f.at) from fresh f group by f.node_type;
      return null;
    end $announce$`);
    await runner.query(`create trigger announce after insert on tollgate.change referencing new table as fresh
      for each statement execute function tollgate.announce()`);
    await runner.query('alter table tollgate.change enable always trigger announce');
    await runner.query(`insert into tollgate.outbox (node_type, node_ids, versions, at)
      select node_type, array[node_id], array[version], at from tollgate.change where published_at is null order by id`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop trigger announce on tollgate.change');
    await runner.query('drop function tollgate.announce()');
    await runner.query('drop table tollgate.outbox');
  }
}
