// @supabase/stripe-sync-engine behind the smallest server: it verifies an event and upserts its object.
import { createRequire } from 'node:module';
import { listen, readBody } from './server.mjs';

const { runMigrations, StripeSync } = createRequire(import.meta.url)('@supabase/stripe-sync-engine');
const { DATABASE_URL: databaseUrl, WEBHOOK_SECRET: secret } = process.env;
const schema = 'stripe';

await runMigrations({ databaseUrl, schema });
const sync = new StripeSync({
  schema,
  stripeSecretKey: 'sk_test_sandbox',
  stripeWebhookSecret: secret,
  poolConfig: { connectionString: databaseUrl, max: 16, keepAlive: true },
});

listen(async (request, response) => {
  await sync.processWebhook(await readBody(request), request.headers['stripe-signature']);
  response.writeHead(200).end('ok');
});
