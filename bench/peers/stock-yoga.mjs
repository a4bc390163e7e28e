// Yoga as its documentation starts it, over the product's schema and reads; the caller is given and nothing is checked.
import { createYoga } from 'graphql-yoga';
import { PERMISSIONS } from '../../dist/src/core/permissions.js';
import { createSchema } from '../../dist/src/graphql/schema.js';
import { createPaymentReads } from '../../dist/src/nouns/payments/read.js';
import { NOUNS } from '../../dist/src/nouns.js';
import { createOrders } from '../../dist/src/orders/orders.js';
import { entitiesOf } from '../../dist/src/parts/entities.js';
import { createDataSource } from '../../dist/src/storage/data-source.js';
import { createDatabase } from '../../dist/src/storage/database.js';
import { ACCOUNT } from '../account.mjs';
import { serve } from './server.mjs';

const { DATABASE_URL: url } = process.env;
const source = await createDataSource(url, entitiesOf(NOUNS)).initialize();
const payments = createPaymentReads({ source, orders: createOrders(createDatabase({ url })) });
const caller = { accountId: ACCOUNT, roles: ['logged_in'], permissions: new Set(PERMISSIONS) };
const session = { caller, expiresAt: null, address: '127.0.0.1', refresh: async () => caller };

serve(createYoga({ schema: createSchema(NOUNS), context: { payments, session, requestId: 'bench' } }));
