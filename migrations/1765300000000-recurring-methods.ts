import type { MigrationInterface, QueryRunner } from 'typeorm';

const followPayment = (note: string): string => `create or replace function tollgate.follow_payment() returns trigger
  language plpgsql as $$
  declare followed record;
  begin
    update tollgate.recurring_payment set version = version + 1, updated_at = now()
      where id = new.recurring_payment_id returning id, version, status into followed;
    insert into tollgate.change (node_type, node_id, version, from_status, to_status, actor, note)
      values ('RECURRING_PAYMENT', followed.id, followed.version, followed.status, followed.status,
        'payment:' || new.id, ${note});
    return null;
  end $$`;

/** A recurring payment may begin with a saved method, and its timeline says why a charge of it failed. */
export class RecurringMethods1765300000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('alter table tollgate.recurring_payment add column saved_method_id text');
    await runner.query(
      followPayment(`'Its payment ' || new.id || ' is ' || new.status
          || case when new.status = 'FAILED' then coalesce(' (' || concat_ws(': ', new.failure_code, new.failure_message) || ')', '') else '' end
          || ', version ' || new.version || '.'`),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      followPayment(`'Its payment ' || new.id || ' is ' || new.status || ', version ' || new.version || '.'`),
    );
    await runner.query('alter table tollgate.recurring_payment drop column saved_method_id');
  }
}
