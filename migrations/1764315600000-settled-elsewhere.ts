import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What an invoice settled without Stripe's money. The release before goes on: it doesn't write the column, and null means that
 * Stripe's money pays all, as it always assumed.
 */
export class SettledElsewhere1764315600000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`alter table tollgate.payment add column amount_settled_elsewhere bigint,
      add constraint payment_settled_elsewhere_not_negative check (amount_settled_elsewhere >= 0)`);
    await runner.query(`update tollgate.payment p
      set amount_settled_elsewhere = case when r.order_id = p.order_id then r.initial_amount else p.amount end - p.amount_received
      from tollgate.recurring_payment r
      where r.id = p.recurring_payment_id and p.stripe_invoice_id is not null and p.status = 'SUCCESSFUL'
        and p.amount_received < case when r.order_id = p.order_id then r.initial_amount else p.amount end`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table tollgate.payment drop column amount_settled_elsewhere');
  }
}
