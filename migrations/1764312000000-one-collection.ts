import type { MigrationInterface, QueryRunner } from 'typeorm';

const OPEN =
  "status in ('PENDING', 'REQUIRES_ACTION', 'PROCESSING', 'REQUIRES_CAPTURE') or (status = 'FAILED' and stripe_payment_intent_id is not null)";

/**
 * An order has one open collection, an invoice's included. Those that shared an order before, and invoices that come while another
 * collection is open, are marked: their money is taken all the same, and told as too much. The release before goes on: it writes
 * neither column, and its one-off payments kept the rule already.
 */
export class OneCollection1764312000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`alter table tollgate.payment add column shares_order boolean not null default false,
      add column withdraw_at timestamptz, add column excess_at timestamptz`);
    await runner.query(`update tollgate.payment p set shares_order = true
      where p.stripe_invoice_id is not null and (${OPEN}) and exists (
        select from tollgate.payment other where other.order_id = p.order_id and other.livemode = p.livemode
          and other.stripe_account = p.stripe_account and other.id <> p.id
          and (other.stripe_invoice_id is null or other.id < p.id)
          and (${OPEN.replaceAll('status', 'other.status').replaceAll('stripe_payment', 'other.stripe_payment')}))`);
    await runner.query(`create unique index payment_collects_once on tollgate.payment (order_id, livemode, stripe_account)
      where not shares_order and (${OPEN})`);
    await runner.query('drop index tollgate.payment_open_once');
    await runner.query(
      'create index payment_withdrawn on tollgate.payment (withdraw_at) where withdraw_at is not null',
    );
    await runner.query('create index payment_excess on tollgate.payment (excess_at) where excess_at is not null');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`create unique index payment_open_once on tollgate.payment (order_id, livemode, stripe_account)
      where stripe_invoice_id is null and (${OPEN})`);
    await runner.query('drop index tollgate.payment_collects_once');
    await runner.query(
      'alter table tollgate.payment drop column shares_order, drop column withdraw_at, drop column excess_at',
    );
  }
}
