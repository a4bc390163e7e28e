import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Where a checkout page sends people back to: a repeated call must ask Stripe for the very same page. */
export class Checkout1763800500000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const table of ['payment', 'recurring_payment'])
      await runner.query(`alter table tollgate.${table} add column success_url text, add column cancel_url text`);
    await runner.query(
      `alter table tollgate.recurring_payment
        add constraint recurring_payment_checkout_session_once unique (stripe_checkout_session_id)`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      `alter table tollgate.recurring_payment drop constraint recurring_payment_checkout_session_once`,
    );
    for (const table of ['payment', 'recurring_payment'])
      await runner.query(`alter table tollgate.${table} drop column success_url, drop column cancel_url`);
  }
}
