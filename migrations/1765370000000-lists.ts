import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Of the others every page of the newest events holds some, and each of them would pay for an entry. */
const RARE_TYPE =
  "type <> 'payment_intent.created' and type <> 'payment_intent.succeeded' and type <> 'charge.succeeded' and type <> 'charge.updated'";

/** What the lists of an operator are read by: filters first, then time and id, so that a page far behind costs what the first does. */
const INDEXES: readonly (readonly [table: string, name: string, was: string | null, is: string])[] = [
  ['payment', 'payment_created', '(created_at)', '(created_at, id)'],
  ['payment', 'payment_status', null, `(status, created_at, id) where status <> 'SUCCESSFUL'`],
  ['payment', 'payment_refunded', '(id) where amount_refunded > 0', '(created_at, id) where amount_refunded > 0'],
  ['refund', 'refund_created', '(created_at)', '(created_at, id)'],
  ['refund', 'refund_status', '(status, id)', '(status, created_at, id)'],
  ['dispute', 'dispute_created', null, '(created_at, id)'],
  ['audit', 'audit_listed', null, '(at, id)'],
  ['recurring_payment', 'recurring_payment_created', null, '(created_at, id)'],
  ['recurring_payment', 'recurring_payment_status', null, '(status, created_at, id)'],
  ['recurring_payment', 'recurring_payment_order', null, '(order_id)'],
  ['stripe_event', 'stripe_event_received', '(received_at)', '(received_at, id)'],
  ['stripe_event', 'stripe_event_type', null, `(type, received_at, id) where ${RARE_TYPE}`],
  ['stripe_event', 'stripe_event_status', null, `(status, received_at, id) where status <> 'PROCESSED'`],
  ['stripe_event', 'stripe_event_object', null, `(object_id) where status <> 'PROCESSED'`],
  ['stripe_event', 'stripe_event_ignored_object', `(object_id) where status = 'IGNORED'`, ''],
  ['outgoing_delivery', 'outgoing_delivery_listed', '(webhook_id, id)', '(webhook_id, created_at, id)'],
  ['outgoing_delivery', 'outgoing_delivery_created', null, '(created_at, id)'],
  ['outgoing_delivery', 'outgoing_delivery_dead', null, `(created_at, id) where status = 'DEAD'`],
  ['outgoing_delivery', 'outgoing_delivery_node', null, '(node_id)'],
  ['outgoing_delivery', 'outgoing_delivery_ended', `(created_at) where status in ('DELIVERED', 'DEAD')`, ''],
];

export class Lists1765370000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const [table, name, was, is] of INDEXES) {
      if (was !== null) await runner.query(`drop index tollgate.${name}`);
      if (is !== '') await runner.query(`create index ${name} on tollgate.${table} ${is}`);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const [table, name, was, is] of INDEXES) {
      if (is !== '') await runner.query(`drop index tollgate.${name}`);
      if (was !== null) await runner.query(`create index ${name} on tollgate.${table} ${was}`);
    }
  }
}
