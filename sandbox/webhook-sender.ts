import http from 'node:http';
import https from 'node:https';

export interface Sent {
  readonly status: number | null;
  readonly body: string;
  readonly error: string | null;
}

/** Posts payloads to endpoints; never throws, follows no redirect. */
export interface WebhookSender {
  post(url: string, payload: string, signature: string): Promise<Sent>;
  /** Ends what is under way and lets the connections go. */
  close(): void;
}

const TIMEOUT_MS = 20_000;
const KEPT_BODY = 2_000;

/** A sender with kept-alive connections and Stripe's timeout (Stripe: "Webhooks": a quick 2xx answer is expected). */
export const createWebhookSender = (): WebhookSender => {
  const agents = {
    http: new http.Agent({ keepAlive: true }),
    https: new https.Agent({ keepAlive: true }),
  };
  const underWay = new Set<http.ClientRequest>();

  const post = (url: string, payload: string, signature: string): Promise<Sent> =>
    new Promise((resolve) => {
      const target = new URL(url);
      const isTls = target.protocol === 'https:';
      const request = (isTls ? https : http).request(target, {
        method: 'POST',
        agent: isTls ? agents.https : agents.http,
        headers: {
          'content-type': 'application/json; charset=utf-8',
          'content-length': Buffer.byteLength(payload),
          'user-agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
          accept: '*/*; q=0.5, application/xml',
          'cache-control': 'no-cache',
          'stripe-signature': signature,
        },
      });
      underWay.add(request);
      const finish = (sent: Sent): void => {
        clearTimeout(timer);
        underWay.delete(request);
        resolve(sent);
      };
      const timer = setTimeout(() => request.destroy(new Error('timed out after 20 s')), TIMEOUT_MS);
      request.on('error', (error) => finish({ status: null, body: '', error: error.message }));
      request.on('response', (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          if (body.length < KEPT_BODY) body += chunk.slice(0, KEPT_BODY);
        });
        response.on('error', (error) => finish({ status: null, body, error: error.message }));
        response.on('end', () => finish({ status: response.statusCode ?? null, body, error: null }));
      });
      request.end(payload);
    });

  return {
    post,
    close: () => {
      for (const request of underWay) request.destroy(new Error('the sandbox is closing'));
      agents.http.destroy();
      agents.https.destroy();
    },
  };
};
