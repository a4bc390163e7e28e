import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCommand } from '../cli/command.js';
import { type Json, lieAbout } from '../harness/lies.js';
import { customerOf, keepMethod, removeMethod, saveMethod, setDefault } from '../harness/methods.js';
import { ask, confirmUntil, type Paid, pay, readPayment } from '../harness/payments.js';
import { cancel, eventually, initiate, monthlyPrice, readRecurring } from '../harness/recurring.js';
import { ADMIN, payOrder, readMoney, readRefunds, refund, refundedAtStripe } from '../harness/refunds.js';
import { type Liar, openStripeProxy, type StripeProxy } from '../harness/stripe-proxy.js';
import { openTestBed, type Server, type TestBed } from '../harness/tollgate.js';

const CONTINUE = 'mutation ($id: ID!) { continuePayment(input: { id: $id }) { clientSecret } }';
const CAPTURE = 'mutation ($id: ID!) { capturePayment(input: { id: $id, amount: 6000 }) { payment { id } } }';
const CANCEL = 'mutation ($id: ID!) { cancelPayment(input: { id: $id }) { payment { id } } }';

let bed: TestBed;
let proxy: StripeProxy;
let server: Server;
let priceId: string;
beforeAll(async () => {
  bed = await openTestBed();
  proxy = await openStripeProxy(bed.sandbox.url);
  server = await bed.start({
    environment: { STRIPE_API_BASE: proxy.url, TOLLGATE_STRIPE_TIMEOUT_MS: '4000', TOLLGATE_RECONCILE_MINUTES: '0' },
    refundTiming: { leaseMs: 300, readsApartMs: 200 },
  });
  priceId = await monthlyPrice(bed);
});
afterAll(async () => {
  await bed.close();
  await proxy.close();
});

/** Per operation. */
const RUNS = 8;

/** What one of the calls of an operation is answered with. */
interface Lie {
  /** Which of them, from 0. */
  readonly at: number;
  /** Whether Stripe does what was asked. */
  readonly isHeard: boolean;
  readonly status: number;
  /** Like what Stripe would have answered, like a refusal of Stripe's, or anything. */
  readonly kind: 'near' | 'refusal' | 'any';
  readonly seed: number;
}

const LIE: fc.Arbitrary<Lie> = fc
  .record({
    at: fc.constantFrom(0, 0, 0, 1, 1, 2),
    isHeard: fc.boolean(),
    status: fc.constantFrom(200, 200, 200, 200, 400, 402, 404, 409, 429, 500),
    kind: fc.constantFrom('near', 'near', 'refusal', 'any'),
    seed: fc.integer(),
  })
  // Who does what was asked and refuses it in the right form can't be told from who refuses.
  .map((lie) => (lie.kind === 'refusal' ? { ...lie, isHeard: false } : lie));

const REFUSAL: Json = {
  error: { type: 'invalid_request_error', code: 'resource_missing', message: 'No.', param: 'id' },
};
const ANY = fc.jsonValue().map((value) => value as Json);

const bodyOf = ({ kind, seed }: Lie, honest: Json): Json => {
  const bodies = { near: lieAbout(honest), refusal: lieAbout(REFUSAL), any: ANY }[kind];
  return fc.sample(bodies, { seed, numRuns: 1 })[0] ?? null;
};

const liarOf = (lie: Lie): Liar => {
  let count = 0;
  return async ({ method, path }, forward) => {
    const isMeant = count === lie.at;
    count += 1;
    if (!isMeant) return forward();
    const isRead = method === 'GET';
    const honest =
      lie.isHeard || isRead
        ? await forward()
        : {
            status: 200,
            headers: { 'content-type': 'application/json' },
            body: { id: 'x_1', object: path.split('/')[2] },
          };
    return { ...honest, status: lie.status, body: bodyOf(lie, honest.body as Json) };
  };
};

/** Something that people do, and what must be so once Stripe answers honestly again. */
interface Operation {
  act(lying: <T>(work: () => Promise<T>) => Promise<void>): Promise<() => Promise<void>>;
}

const hold = async (): Promise<Paid> => {
  const paid = await pay(server, await bed.createOrder(), { captureMethod: 'MANUAL' });
  await confirmUntil(bed, server, paid, { status: 'REQUIRES_CAPTURE' });
  return paid;
};

const STATUSES: Readonly<Record<string, string>> = {
  requires_payment_method: 'PENDING',
  requires_capture: 'REQUIRES_CAPTURE',
  succeeded: 'SUCCESSFUL',
  canceled: 'CANCELED',
};

/** Our row says what Stripe's intent says. */
const assertSame = async ({ payment }: Paid): Promise<void> => {
  const intent = await bed.stripe.paymentIntents.retrieve(payment.stripePaymentIntentId);
  expect(await readPayment(server, payment.id)).toMatchObject({
    status: STATUSES[intent.status],
    amountReceived: intent.amount_received,
    stripePaymentIntentId: intent.id,
  });
};

/** The order can be paid, with an intent that carries the payment's mark, and no other of it can be. */
const assertPayable = async (orderId: string): Promise<void> => {
  const paid = await pay(server, orderId);
  const made = (await bed.stripe.paymentIntents.list({ limit: 100 }).autoPagingToArray({ limit: 1_000 })).filter(
    ({ metadata, status }) => metadata['tollgate_payment'] === paid.payment.id && status !== 'canceled',
  );
  expect(made.map(({ id }) => id)).toEqual([paid.payment.stripePaymentIntentId]);
};

const OPERATIONS: Readonly<Record<string, Operation>> = {
  pay: {
    async act(lying) {
      const orderId = await bed.createOrder();
      await lying(() => pay(server, orderId));
      return () => assertPayable(orderId);
    },
  },
  continuePayment: {
    async act(lying) {
      const paid = await pay(server, await bed.createOrder());
      await lying(() => ask(server, CONTINUE, { id: paid.payment.id }));
      return () => assertPayable(paid.payment.orderId);
    },
  },
  capturePayment: {
    async act(lying) {
      const paid = await hold();
      await lying(() => ask(server, CAPTURE, { id: paid.payment.id }, ADMIN));
      return () => assertSame(paid);
    },
  },
  cancelPayment: {
    async act(lying) {
      const paid = await pay(server, await bed.createOrder());
      await lying(() => ask(server, CANCEL, { id: paid.payment.id }));
      return () => assertSame(paid);
    },
  },
  refund: {
    async act(lying) {
      const paid = await payOrder(bed, server);
      await lying(() => refund(server, paid.payment.id, 4_000));
      return async () => {
        await eventually(
          () => readRefunds(server, paid.payment.id),
          (rows) => rows.every(({ status }) => status === 'REFUNDED' || status === 'FAILED'),
          30_000,
        );
        const { amount } = await refundedAtStripe(bed, paid);
        expect(await readMoney(server, paid.payment.id)).toMatchObject({
          amountRefunded: amount,
          amountRefundable: 10_000 - amount,
        });
      };
    },
  },
  initiateRecurringPayment: {
    async act(lying) {
      const orderId = await bed.createOrder();
      await lying(() => initiate(server, orderId, priceId));
      return async () => {
        const { recurringPayment } = await initiate(server, orderId, priceId);
        const { metadata, status } = await bed.stripe.subscriptions.retrieve(recurringPayment.stripeSubscriptionId);
        expect([metadata['tollgate_recurring'], status]).toEqual([recurringPayment.id, 'incomplete']);
      };
    },
  },
  cancelRecurringPayment: {
    async act(lying) {
      const { recurringPayment } = await initiate(server, await bed.createOrder(), priceId);
      await lying(() => cancel(server, { recurringPaymentId: recurringPayment.id, at: 'NOW' }));
      return async () => {
        const { status } = await bed.stripe.subscriptions.retrieve(recurringPayment.stripeSubscriptionId);
        expect((await readRecurring(server, recurringPayment.id)).status).toBe(status.toUpperCase());
      };
    },
  },
  'pay with a saved method': {
    async act(lying) {
      const paymentMethodId = await keepMethod(bed, server, { account: 'customer' });
      const orderId = await bed.createOrder();
      await lying(() => pay(server, orderId, { paymentMethodId }));
      return async () => {
        const paid = await bed.sql.query(
          `select 1 from tollgate.payment where order_id = $1 and status = 'SUCCESSFUL'`,
          [orderId],
        );
        if (paid.rowCount === 0)
          expect(await pay(server, orderId, { paymentMethodId })).toMatchObject({ payment: { status: 'SUCCESSFUL' } });
        const charges = await bed.stripe.charges.list({ limit: 100 }).autoPagingToArray({ limit: 1_000 });
        const ofOrder = charges.filter(
          ({ metadata, status }) => metadata['tollgate_order'] === orderId && status === 'succeeded',
        );
        expect(ofOrder).toHaveLength(1);
      };
    },
  },
  savePaymentMethod: {
    async act(lying) {
      await lying(() => saveMethod(server));
      return async () => {
        const { clientSecret } = await saveMethod(server);
        const { customer } = await bed.stripe.setupIntents.retrieve(clientSecret?.split('_secret_')[0] ?? '');
        expect(customer).toBe((await customerOf(bed, 'customer'))?.id);
      };
    },
  },
  setDefaultPaymentMethod: {
    async act(lying) {
      const id = await keepMethod(bed, server, { account: 'customer' });
      await lying(() => setDefault(server, { id }));
      return async () => {
        const methods = await setDefault(server, { id });
        expect(methods.filter(({ isDefault }) => isDefault).map((method) => method.id)).toEqual([id]);
      };
    },
  },
  removePaymentMethod: {
    async act(lying) {
      const id = await keepMethod(bed, server, { account: 'customer' });
      await lying(() => removeMethod(server, id));
      return async () => {
        await removeMethod(server, id).catch(() => undefined);
        expect((await bed.stripe.paymentMethods.retrieve(id)).customer).toBeNull();
      };
    },
  },
};

test('any JSON as any answer is never INTERNAL, and one reconcile heals what it left', {
  timeout: 300_000,
}, async () => {
  const left: { readonly what: string; readonly assertHealed: () => Promise<void> }[] = [];
  for (const [name, { act }] of Object.entries(OPERATIONS)) {
    const property = fc.asyncProperty(LIE, async (lie) => {
      const assertHealed = await act(async (work) => {
        proxy.lie(liarOf(lie));
        const code = await work().then(
          () => undefined,
          (error: { code?: string }) => error.code ?? String(error),
        );
        proxy.lie();
        expect(code).not.toBe('INTERNAL');
      });
      left.push({ what: `${name} ${JSON.stringify(lie)}`, assertHealed });
    });
    await fc.assert(property, { numRuns: RUNS, endOnFailure: true });
  }
  const { code, stderr } = await runCommand(['reconcile', '--json'], bed.environment);
  expect(code, stderr).toBe(0);
  for (const { what, assertHealed } of left)
    await assertHealed().catch((error: unknown) => {
      throw new Error(`not healed: ${what}`, { cause: error });
    });
  expect(left).toHaveLength(RUNS * Object.keys(OPERATIONS).length);
});
