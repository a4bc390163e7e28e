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
import { Disputes1764500000000 } from '../../migrations/1764500000000-disputes.js';
import { Quarantine1764610000000 } from '../../migrations/1764610000000-quarantine.js';
import { OwedFlows1764620000000 } from '../../migrations/1764620000000-owed-flows.js';
import { WhatBecameOfIt1764700000000 } from '../../migrations/1764700000000-what-became-of-it.js';
import { OrderMoney1764800000000 } from '../../migrations/1764800000000-order-money.js';
import { OutgoingWebhooks1765000000000 } from '../../migrations/1765000000000-outgoing-webhooks.js';
import { RecurringChange1765100000000 } from '../../migrations/1765100000000-recurring-change.js';
import { PaymentCustomers1765200000000 } from '../../migrations/1765200000000-payment-customers.js';
import { RecurringTerms1765210000000 } from '../../migrations/1765210000000-recurring-terms.js';
import { SavedMethods1765220000000 } from '../../migrations/1765220000000-saved-methods.js';
import { Outbox1765290000000 } from '../../migrations/1765290000000-outbox.js';
import { RefundCreated1765295000000 } from '../../migrations/1765295000000-refund-created.js';
import { RecurringMethods1765300000000 } from '../../migrations/1765300000000-recurring-methods.js';
import { Imported1765310000000 } from '../../migrations/1765310000000-imported.js';
import { Trials1765320000000 } from '../../migrations/1765320000000-trials.js';
import { DeadEvents1765330000000 } from '../../migrations/1765330000000-dead-events.js';
import { AnyDocument1765340000000 } from '../../migrations/1765340000000-any-document.js';
import { Restoring1765350000000 } from '../../migrations/1765350000000-restoring.js';
import { ConsoleSessions1765360000000 } from '../../migrations/1765360000000-console-sessions.js';
import { Lists1765370000000 } from '../../migrations/1765370000000-lists.js';
import { AccountLists1765380000000 } from '../../migrations/1765380000000-account-lists.js';
import { connectionOf } from './connection.js';
import { sessionOf } from './session.js';

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
  Disputes1764500000000,
  Quarantine1764610000000,
  OwedFlows1764620000000,
  WhatBecameOfIt1764700000000,
  OrderMoney1764800000000,
  OutgoingWebhooks1765000000000,
  RecurringChange1765100000000,
  PaymentCustomers1765200000000,
  RecurringTerms1765210000000,
  SavedMethods1765220000000,
  Outbox1765290000000,
  RefundCreated1765295000000,
  RecurringMethods1765300000000,
  Imported1765310000000,
  Trials1765320000000,
  DeadEvents1765330000000,
  AnyDocument1765340000000,
  Restoring1765350000000,
  ConsoleSessions1765360000000,
  Lists1765370000000,
  AccountLists1765380000000,
];

/** The classes of tables. */
// biome-ignore lint/complexity/noBannedTypes: what TypeORM takes for a class
export type Entities = readonly Function[];

/** Builds the data source over these entities and the product's migrations; it changes nothing by itself. */
export const createDataSource = (url: string, entities: Entities, poolSize = 5): DataSource => {
  const connection = connectionOf(url);
  return new DataSource({
    type: 'postgres',
    url: connection.connectionString,
    extra: { ...connection, ...sessionOf(url) },
    schema: 'tollgate',
    entities: [...entities],
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
