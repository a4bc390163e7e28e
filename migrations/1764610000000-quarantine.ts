import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Why money was set aside, what it is in, and when the policy sends it back. */
export class Quarantine1764610000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`alter table tollgate.payment add column quarantined_for text, add column received_currency text,
      add column send_back_at timestamptz`);
    await runner.query(`alter table tollgate.payment
      add constraint payment_quarantined_for_known check (quarantined_for in ('LATE', 'MISMATCH'))`);
    await runner.query(
      'create index payment_send_back on tollgate.payment (send_back_at) where send_back_at is not null',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`alter table tollgate.payment drop column quarantined_for, drop column received_currency,
      drop column send_back_at`);
  }
}
