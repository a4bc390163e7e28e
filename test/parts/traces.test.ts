import { SpanKind, trace } from '@opentelemetry/api';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { traceLines } from '../../src/logger.js';
import { ask, confirmUntil, pay } from '../harness/payments.js';
import { openTestBed, type Server, type TestBed, tokenFor } from '../harness/tollgate.js';
import { startReceiver } from '../nouns/outgoing/receiver.js';
import { until } from '../outbox/until.js';

const ADMIN = { account: 'admin', roles: ['admin'] };
const SECRET_WORDS = 'Ms. Very Particular';
const exporter = new InMemorySpanExporter();
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
let bed: TestBed;
let server: Server;
let fails = false;
const starting = (mode: string): Promise<Server> =>
  bed.start({
    environment: {
      TOLLGATE_OUTGOING_HOSTS: 'localhost',
      TOLLGATE_ENCRYPTION_KEY: Buffer.alloc(32, 3).toString('base64'),
      TOLLGATE_EVENT_BATCHES: mode,
    },
    flows: {
      paymentCallback: {
        run: ({ paymentStatus }, { effects }) => {
          if (fails) throw new Error(SECRET_WORDS);
          if (paymentStatus === 'SUCCESSFUL') effects.add('mail', {});
        },
      },
      effects: new Map([['mail', { run: () => undefined }]]),
    },
  });
beforeAll(async () => {
  provider.register();
  bed = await openTestBed();
});
beforeEach(() => exporter.reset());
afterEach(async () => {
  fails = false;
  await server.stop();
});
afterAll(async () => {
  await bed.close();
  await provider.shutdown();
  trace.disable();
});

const spans = (): ReadableSpan[] => exporter.getFinishedSpans();
const named = async (name: string): Promise<ReadableSpan> => {
  let found: ReadableSpan | undefined;
  await until(
    () => {
      found = spans().findLast((span) => span.name === name);
      return found !== undefined;
    },
    `a span "${name}"; there are ${[...new Set(spans().map((span) => span.name))].join(', ')}`,
  );
  if (!found) throw new Error('none');
  return found;
};
/** The names of what a span stands below, innermost first. */
const above = async (span: ReadableSpan): Promise<string[]> => {
  const parent = span.parentSpanContext;
  if (!parent || span.kind === SpanKind.SERVER) return [];
  let found: ReadableSpan | undefined;
  await until(() => {
    found = spans().find((one) => one.spanContext().spanId === parent.spanId);
    return found !== undefined;
  }, `the parent of ${span.name} ends`);
  return found ? [found.name, ...(await above(found))] : [];
};

describe('where an SDK is loaded', () => {
  test('pay is one trace from its request to the call to Stripe, below the trace of its caller', async () => {
    server = await starting('off');
    const caller = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
    const order = await bed.createOrder();
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${await tokenFor('customer')}`,
        traceparent: `00-${caller.traceId}-${caller.spanId}-01`,
      },
      body: JSON.stringify({
        query: `mutation Buy { pay(input: { orderId: "${order}", amount: 10000, currency: "USD" }) { payment { id } } }`,
      }),
    });
    expect(await response.json()).toMatchObject({ data: { pay: {} } });
    const call = await named('stripe payment_intent');
    expect(await above(call)).toEqual(['mutation Buy', 'POST graphql']);
    expect(call.attributes).toMatchObject({ 'tollgate.stripe.outcome': 'done' });
    const request = await named('POST graphql');
    expect(request.parentSpanContext).toMatchObject(caller);
    expect(request.attributes).toMatchObject({
      'http.response.status_code': 200,
      'tollgate.request_id': response.headers.get('x-request-id'),
    });
  });

  test('a webhook is one trace over its transaction and its flow to publishing, and on to the effect', async () => {
    server = await starting('off');
    const paid = await pay(server, await bed.createOrder());
    exporter.reset();
    await confirmUntil(bed, server, paid);
    const arrival = ['apply', 'event payment_intent.succeeded', 'POST webhook'];
    expect(await above(await named('flow payment-callback'))).toEqual(arrival);
    expect(await above(await named('publish PAYMENT'))).toEqual(arrival.slice(1));
    expect(await above(await named('effect mail'))).toEqual(['flow payment-callback', ...arrival]);
    expect((await named('event payment_intent.succeeded')).attributes).toMatchObject({
      'tollgate.event.via': 'delivery',
      'tollgate.event.outcome': 'handled',
    });
  });

  test('a batch is a trace of its own, which names the events that came into it', async () => {
    server = await starting('always');
    // A row that is locked just then leaves the batch, and is applied alone.
    await until(async () => {
      const paid = await pay(server, await bed.createOrder());
      exporter.reset();
      await confirmUntil(bed, server, paid);
      return (await above(await named('flow payment-callback')))[0] === 'apply together';
    }, 'a batch applies a payment');
    const event = await named('event payment_intent.succeeded');
    const flow = await named('flow payment-callback');
    expect(await above(flow)).toEqual(['apply together']);
    expect(await above(await named('publish PAYMENT'))).toEqual(['apply together']);
    const batch = spans().find((span) => span.spanContext().spanId === flow.parentSpanContext?.spanId);
    expect(batch?.links.map(({ context }) => context.spanId)).toEqual([event.spanContext().spanId]);
  });

  test('an outgoing webhook names its trace to the receiver', async () => {
    server = await starting('off');
    const receiver = await startReceiver();
    try {
      const input = { url: receiver.url, eventTypes: ['payment.updated'] };
      const CREATE = `mutation ($input: OutgoingWebhookInput!) { createOutgoingWebhook(input: $input) { webhook { id } } }`;
      await ask(server, CREATE, { input }, ADMIN);
      await pay(server, await bed.createOrder());
      const span = await named('outgoing webhook');
      const { traceId, spanId } = span.spanContext();
      const told = receiver.got.map(({ headers }) => headers['traceparent']);
      expect(told).toContain(`00-${traceId}-${spanId}-01`);
      expect(span.attributes).toMatchObject({ 'http.response.status_code': 204 });
    } finally {
      await receiver.close();
    }
  });

  test('no span holds an order, an account, or the words of an error', async () => {
    server = await starting('off');
    const account = 'someone-very-particular';
    const order = await bed.createOrder({ account });
    const paid = await pay(server, order, { description: SECRET_WORDS }, { account });
    fails = true;
    await bed.stripe.paymentIntents.confirm(paid.payment.stripePaymentIntentId, {
      payment_method: 'pm_card_visa',
      return_url: 'https://shop.example/return',
    });
    const flow = await named('flow payment-callback');
    expect(flow.attributes).toMatchObject({ 'error.type': 'Error' });
    expect(flow.events).toEqual([]);
    const told = JSON.stringify(
      spans().map(({ name, attributes, status, events }) => [name, attributes, status, events]),
    );
    expect(told).not.toContain(account);
    expect(told).not.toContain(SECRET_WORDS);
  });

  test('a log line inside of a span names it', async () => {
    server = await starting('off');
    const lines: string[] = [];
    const log = pino(traceLines, { write: (line: string) => lines.push(line) });
    provider.getTracer('test').startActiveSpan('here', (span) => {
      log.info('inside');
      expect(JSON.parse(lines.at(-1) ?? '{}')).toMatchObject({
        trace_id: span.spanContext().traceId,
        span_id: span.spanContext().spanId,
      });
      span.end();
    });
    log.info('outside');
    expect(lines.at(-1)).not.toContain('trace_id');
  });
});
