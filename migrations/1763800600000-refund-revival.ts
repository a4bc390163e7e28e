import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Events of refunds that matched no payment are found by their payment intent, once its payment is known. */
export class RefundRevival1763800600000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `create index stripe_event_ignored_refund on tollgate.stripe_event ((payload::json #>> '{data,object,payment_intent}'))
        where status = 'IGNORED'
          and type in ('refund.created', 'refund.updated', 'refund.failed', 'charge.refund.updated', 'charge.refunded')`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop index tollgate.stripe_event_ignored_refund`);
  }
}
