// Runs tests of what events do with every event in a batch, also a single one; elsewhere what comes alone goes alone.
//   node scripts/batches.mjs          whether each event is applied, once and in order
//   node scripts/batches.mjs --all    also what follows from it, as a release does
import '../bin/node-version.mjs';
import path from 'node:path';
import { root, runNode } from './run.mjs';

const APPLIED = [
  'test/inbox/events.test.ts',
  'test/inbox/endpoint.test.ts',
  'test/inbox/locks.test.ts',
  'test/inbox/order-of-events.test.ts',
  'test/nouns/payments/capture.test.ts',
  'test/nouns/disputes',
  'test/nouns/refunds/events.test.ts',
  'test/outbox/outbox.test.ts',
];
const FOLLOWS = [
  'test/nouns/owed',
  'test/nouns/quarantine',
  'test/nouns/payments/cancel.test.ts',
  'test/nouns/payments/checkout.test.ts',
  'test/nouns/payments/details.test.ts',
  'test/orders/order-access.test.ts',
  'test/restarts.test.ts',
];

const files = process.argv.includes('--all') ? [...APPLIED, ...FOLLOWS] : APPLIED;
const env = { ...process.env, TEST_EVENT_BATCHES: 'always' };
const { code } = await runNode([path.join(root, 'scripts', 'test.mjs'), ...files], { env });
process.exitCode = code;
