import type { Answer } from './reply.js';

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Tollgate</title>
<style>
  body { font: 16px/1.6 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem; color: #1a2230; background: #fff }
  code { background: #eef1f6; padding: .1em .35em; border-radius: 4px }
  dt { margin-top: 1rem }
  @media (prefers-color-scheme: dark) { body { color: #e6eaf2; background: #10151e } code { background: #222b3a } a { color: #8ab4ff } }
</style>
<h1>Tollgate</h1>
<p>A payment backend on Stripe. These are its doors:</p>
<dl>
  <dt><code>POST /graphql</code></dt><dd>GraphQL as JSON; with <code>accept: text/event-stream</code> as server-sent events.</dd>
  <dt><code>WebSocket /graphql</code></dt><dd>GraphQL over <code>graphql-transport-ws</code>, with <code>{"authorization": "Bearer …"}</code> in its connection parameters.</dd>
  <dt><code>POST /webhooks/stripe</code></dt><dd>Stripe's signed deliveries.</dd>
  <dt><a href="console"><code>GET /console</code></a></dt><dd>The console, once the pages are built (<code>npm run build</code>).</dd>
  <dt><a href="health"><code>GET /health</code></a>, <a href="ready"><code>GET /ready</code></a>, <a href="metrics"><code>GET /metrics</code></a></dt><dd>For whoever watches the server.</dd>
</dl>
</html>
`;

/** The page at `/` where no other is handed in: it names the doors, loads nothing, and works below a proxy's path. */
export const landingPage = (): Answer => ({
  status: 200,
  contentType: 'text/html; charset=utf-8',
  body: PAGE,
  headers: { 'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'" },
});
