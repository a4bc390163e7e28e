// Yoga as its documentation starts it, over the product's schema, and TypeORM as its documentation reads a row; the caller is given and nothing is checked.
import { createYoga } from 'graphql-yoga';
import { PERMISSIONS } from '../../dist/src/core/permissions.js';
import { createSchema } from '../../dist/src/graphql/schema.js';
import { Payment } from '../../dist/src/nouns/payments/row.js';
import { NOUNS } from '../../dist/src/nouns.js';
import { entitiesOf } from '../../dist/src/parts/entities.js';
import { createDataSource } from '../../dist/src/storage/data-source.js';
import { ACCOUNT } from '../account.mjs';
import { serve } from './server.mjs';

const { DATABASE_URL: url } = process.env;
const source = await createDataSource(url, entitiesOf(NOUNS)).initialize();
const rows = source.getRepository(Payment);
const payments = { find: (id) => rows.findOneBy({ id }) };
const caller = { accountId: ACCOUNT, roles: ['logged_in'], permissions: new Set(PERMISSIONS) };
const session = { caller, expiresAt: null, address: '127.0.0.1', refresh: async () => caller };

serve(createYoga({ schema: createSchema(NOUNS), context: { payments, session, requestId: 'bench' } }));
