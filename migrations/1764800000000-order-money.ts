import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Order tables that keep amounts in the currency's major unit, or have one currency for all orders. */
export class OrderMoney1764800000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`alter table tollgate.order_binding
      add column amount_unit text constraint order_binding_unit_known check (amount_unit in ('minor', 'major')),
      add column currency text,
      add constraint order_binding_one_currency check (currency is null or currency_column is null),
      add constraint order_binding_major_in_currency
        check (amount_unit is distinct from 'major' or num_nonnulls(currency, currency_column) = 1)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table tollgate.order_binding drop column amount_unit, drop column currency');
  }
}
