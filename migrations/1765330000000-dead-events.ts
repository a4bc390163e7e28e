import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Events that were given up on are asked for all the time, and are few. */
export class DeadEvents1765330000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`create index stripe_event_dead on tollgate.stripe_event (received_at) where status = 'DEAD'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop index tollgate.stripe_event_dead');
  }
}
