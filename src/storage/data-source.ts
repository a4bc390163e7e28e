import 'reflect-metadata';
import { DataSource } from 'typeorm';
import { Foundation1763800000000 } from '../../migrations/1763800000000-foundation.js';
import { RefundOutcomes1763800200000 } from '../../migrations/1763800200000-refund-outcomes.js';
import { Recurring1763800300000 } from '../../migrations/1763800300000-recurring.js';
import { EffectWorkers1763800400000 } from '../../migrations/1763800400000-effect-workers.js';
import { Checkout1763800500000 } from '../../migrations/1763800500000-checkout.js';
import { OneCollection1764312000000 } from '../../migrations/1764312000000-one-collection.js';
import { SettledElsewhere1764315600000 } from '../../migrations/1764315600000-settled-elsewhere.js';
import { Audit1764319200000 } from '../../migrations/1764319200000-audit.js';
import { AskedBy1764324600000 } from '../../migrations/1764324600000-asked-by.js';
import { FlowFreezes1764400000000 } from '../../migrations/1764400000000-flow-freezes.js';
import { FlowFreeze } from '../flows/freeze.js';
import { StripeEvent } from '../inbox/stripe-event.js';
import { AccountRole, Role, RolePermission } from '../installation/role.js';
import { Setting } from '../installation/setting.js';
import { StripeCustomer } from '../nouns/customers/row.js';
import { Payment } from '../nouns/payments/row.js';
import { RecurringPayment } from '../nouns/recurring/row.js';
import { Refund } from '../nouns/refunds/row.js';
import { Renewal } from '../nouns/renewals/row.js';
import { Change } from '../outbox/change.js';
import { connectionOf } from './connection.js';
import { Idempotency } from './idempotency.js';
import { settleSession } from './session.js';

const ENTITIES = [
  Payment,
  Refund,
  RecurringPayment,
  Renewal,
  Change,
  StripeEvent,
  FlowFreeze,
  Idempotency,
  Setting,
  StripeCustomer,
  Role,
  RolePermission,
  AccountRole,
];

/** Only ever appended to. */
const MIGRATIONS = [
  Foundation1763800000000,
  RefundOutcomes1763800200000,
  Recurring1763800300000,
  EffectWorkers1763800400000,
  Checkout1763800500000,
  OneCollection1764312000000,
  SettledElsewhere1764315600000,
  Audit1764319200000,
  AskedBy1764324600000,
  FlowFreezes1764400000000,
];

/** Builds the data source over the product's entities and migrations; it changes nothing by itself. */
export const createDataSource = (url: string, poolSize = 5): DataSource => {
  const connection = connectionOf(url);
  return new DataSource({
    type: 'postgres',
    url: connection.connectionString,
    extra: { ...connection, onConnect: settleSession },
    schema: 'tollgate',
    entities: ENTITIES,
    migrations: MIGRATIONS,
    migrationsTableName: 'migration',
    migrationsTransactionMode: 'each',
    installExtensions: false,
    synchronize: false,
    poolSize,
    applicationName: 'tollgate',
    connectTimeoutMS: 10_000,
  });
};
