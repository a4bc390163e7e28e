import type { Config } from '../config.js';

interface Running {
  readonly url: string;
  readonly sandboxUrl: string | undefined;
}

/** What is printed besides the addresses. */
interface Told {
  readonly tookMs: number;
  /** Whether the console's pages are there. */
  readonly isBuilt: boolean;
}

const tryIt = (url: string, sandboxUrl: string | undefined): string => `
Try it in another terminal:
  TOKEN=$(curl -s '${url}/demo/token?account=demo-customer' | sed 's/.*:"//; s/".*//')
  curl -s ${url}/demo/orders -H "authorization: Bearer $TOKEN" -d '{"amount": 10000, "currency": "USD"}'
  curl -s ${url}/graphql -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' \\
    -d '{"query":"mutation { pay(input: { orderId: 1, amount: 10000, currency: \\"USD\\" }) { payment { id status stripePaymentIntentId } clientSecret } }"}'
${
  sandboxUrl === undefined
    ? ''
    : `  # confirm it as a browser would, with the payment intent's id (pi_…) from the answer:
  curl -s ${sandboxUrl}/v1/payment_intents/pi_…/confirm -u sk_test_sandbox: -d payment_method=pm_card_visa
  curl -s ${url}/demo/orders/1
`
}`;

/** What a start prints: where to go, and what to try. */
export const welcome = (config: Config, { url, sandboxUrl }: Running, { tookMs, isBuilt }: Told): string => {
  const lines = [
    '',
    `Tollgate is up after ${(tookMs / 1000).toFixed(1)} s.`,
    ...(config.embedded ? [`  Shop      ${url}/   (a demo: order, pay, subscribe, refund)`] : []),
    `  Console   ${isBuilt ? `${url}/console` : 'not built: "npm run build" makes it'}`,
    `  GraphQL   ${url}/graphql   (HTTP, SSE and WebSocket)`,
    ...(config.embedded ? [`  GraphiQL  ${url}/graphiql   (try the API in the browser)`] : []),
    `  Webhooks  ${url}/webhooks/stripe`,
    ...(sandboxUrl === undefined ? [] : [`  Sandbox   ${sandboxUrl}   (a local Stripe: no account, no network)`]),
    `  Probes    ${url}/health ${url}/ready ${url}/metrics`,
    ...(config.embedded ? [`  Data      ${config.dataDir}`] : []),
  ];
  return `${lines.join('\n')}\n${config.embedded ? tryIt(url, sandboxUrl) : ''}`;
};
