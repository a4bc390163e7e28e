import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What subscriptions, renewals and their lowered amounts need to remember. */
export class Recurring1763800300000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`alter table tollgate.recurring_payment add column revision integer not null default 0`);
    await runner.query(`alter table tollgate.renewal
      add column decided_at timestamptz,
      add column attempt integer not null default 1,
      add column attempted_at timestamptz,
      add column due_at timestamptz,
      add column problem text,
      add column problem_amount bigint,
      add column problem_at timestamptz`);
    await runner.query(`create index renewal_due on tollgate.renewal (due_at) where due_at is not null`);
    await runner.query(`create index renewal_problem on tollgate.renewal (problem_at) where problem is not null`);
    await runner.query(`alter table tollgate.stripe_customer add column attempted_at timestamptz`);
    await runner.query(
      `alter table tollgate.stripe_customer add constraint stripe_customer_once unique (stripe_customer_id)`,
    );
    await runner.query(
      `create index stripe_event_ignored_object on tollgate.stripe_event (object_id) where status = 'IGNORED'`,
    );
    await this.followPayments(runner);
  }

  /** A recurring payment's version rises with its payments', whoever moves them, in the same transaction. */
  private async followPayments(runner: QueryRunner): Promise<void> {
    await runner.query(`create function tollgate.follow_payment() returns trigger language plpgsql as $$
      declare
        followed record;
      begin
        update tollgate.recurring_payment set version = version + 1, updated_at = now()
          where id = new.recurring_payment_id returning id, version, status into followed;
        insert into tollgate.change (node_type, node_id, version, from_status, to_status, actor, note)
          values ('RECURRING_PAYMENT', followed.id, followed.version, followed.status, followed.status,
            'payment:' || new.id, 'Its payment ' || new.id || ' is ' || new.status || ', version ' || new.version || '.');
        return null;
      end $$`);
    await runner.query(`create trigger follow_new_payment after insert on tollgate.payment
      for each row when (new.recurring_payment_id is not null) execute function tollgate.follow_payment()`);
    await runner.query(`create trigger follow_payment after update of version on tollgate.payment
      for each row when (new.recurring_payment_id is not null and old.version is distinct from new.version)
      execute function tollgate.follow_payment()`);
    await runner.query(
      `alter table tollgate.payment enable always trigger follow_new_payment, enable always trigger follow_payment`,
    );
  }

  /** What was decided and charged stays in the books. */
  async down(): Promise<void> {
    throw new Error('This migration extends the tables of money; restore a backup instead of undoing it.');
  }
}
