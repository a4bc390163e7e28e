import { createHash } from 'node:crypto';
import { text } from '../http/reply.js';
import type { Route } from '../http/routes.js';

const QUERY = `# Ctrl-Space says what may stand here.
# "Headers" has demo-admin's token.
query Newest {
  payments(first: 5) {
    edges {
      node {
        id
        orderId
        status
        amount
        currency
      }
    }
  }
}

# Streams until it is stopped.
subscription Live {
  paymentsChanged {
    id
    status
    version
  }
}
`;

const MISSING =
  'GraphiQL is not installed here: npm install --save-dev @graphql-yoga/render-graphiql, and load this page again.';

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';

const hashesOf = (html: string, tag: string): string =>
  [...html.matchAll(new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`, 'g'))]
    .map(([, content = '']) => `'sha256-${createHash('sha256').update(content).digest('base64')}'`)
    .join(' ');

/** It runs its own script alone, by its hash, and workers that it makes of itself; its editor writes styles as it goes. */
const policyOf = (html: string): string =>
  [
    "default-src 'none'",
    `script-src ${hashesOf(html, 'script')}`,
    'worker-src blob:',
    "style-src 'unsafe-inline'",
    'img-src data:',
    'font-src data:',
    "connect-src 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ');

/** The page to try the API, with the token of a demo account in it: for an embedded run alone. Nothing of it comes from elsewhere. */
export const createGraphiqlPage =
  (giveToken: () => Promise<string>): Route =>
  async () => {
    // Nine megabytes that a deployment needs no part of: read when somebody asks, where it is installed.
    const found = await import('@graphql-yoga/render-graphiql').catch((error: unknown) => {
      if (isMissing(error)) return undefined;
      throw error;
    });
    if (!found) return text(404, MISSING);
    const html = found.renderGraphiQL({
      title: 'GraphiQL · Tollgate',
      endpoint: 'graphql',
      subscriptionsProtocol: 'SSE',
      defaultQuery: QUERY,
      headers: JSON.stringify({ authorization: `Bearer ${await giveToken()}` }, null, 2),
    });
    return {
      status: 200,
      contentType: 'text/html; charset=utf-8',
      body: html,
      headers: { 'content-security-policy': policyOf(html) },
    };
  };
