import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What the app gave at pay, what the charge and the invoice tell of a payment, and how lists are searched. */
export class WhatBecameOfIt1764700000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`alter table tollgate.payment add column metadata jsonb not null default '{}',
      add column receipt_email text, add column statement_descriptor_suffix text, add column locale text,
      add column payment_method jsonb, add column receipt_url text, add column invoice jsonb, add column charge jsonb`);
    await runner.query(
      'create index payment_charge on tollgate.payment (stripe_charge_id) where stripe_charge_id is not null',
    );
    await runner.query('create index payment_created on tollgate.payment (created_at)');
    await runner.query('create index payment_refunded on tollgate.payment (id) where amount_refunded > 0');
    await runner.query('create index refund_status on tollgate.refund (status, id)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop index tollgate.refund_status');
    await runner.query('drop index tollgate.payment_refunded');
    await runner.query('drop index tollgate.payment_created');
    await runner.query('drop index tollgate.payment_charge');
    await runner.query(`alter table tollgate.payment drop column metadata, drop column receipt_email,
      drop column statement_descriptor_suffix, drop column locale, drop column payment_method, drop column receipt_url,
      drop column invoice, drop column charge`);
  }
}
