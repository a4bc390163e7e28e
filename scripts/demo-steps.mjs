// The later steps of npm run demo: refunds in parts and a recurring payment from month to month; with --all, every status
// of a payment.
const STATUSES = [
  'PENDING',
  'REQUIRES_ACTION',
  'PROCESSING',
  'REQUIRES_CAPTURE',
  'SUCCESSFUL',
  'FAILED',
  'CANCELED',
  'QUARANTINED',
];
const MONTH_SECONDS = 31 * 24 * 3600;
const HOURS_SECONDS = 2 * 3600;

const PAY = `mutation ($input: PayInput!) { pay(input: $input) { payment { id status } checkoutUrl } }`;
const CONTINUE = `mutation ($id: ID!) { continuePayment(input: { id: $id }) { payment { id status } checkoutUrl } }`;
const CANCEL = `mutation ($id: ID!) { cancelPayment(input: { id: $id }) { payment { id status } } }`;
const CAPTURE = `mutation ($id: ID!, $amount: MinorUnits) { capturePayment(input: { id: $id, amount: $amount }) { payment { status amountReceived } } }`;
const WATCH = `subscription ($id: ID!) { paymentUpdated(id: $id) { id status version amountReceived } }`;
const REFUND = `mutation ($input: RefundInput!) { refund(input: $input) { refund { id status } } }`;
const WATCH_REFUNDS = `subscription ($id: ID!) { refundUpdated(paymentId: $id) { id status amount } }`;
const INITIATE = `mutation ($input: InitiateRecurringPaymentInput!) { initiateRecurringPayment(input: $input) { recurringPayment { id } clientSecret publishableKey } }`;
const WATCH_RECURRING = `subscription ($id: ID!) { recurringPaymentUpdated(id: $id) { status cancelAtPeriodEnd payments { edges { node { id orderId status } } } } }`;
const END = `mutation ($input: CancelRecurringPaymentInput!) { cancelRecurringPayment(input: $input) { recurringPayment { status cancelAtPeriodEnd } } }`;
const WATCH_DISPUTES = `subscription ($id: ID!) { disputeUpdated(paymentId: $id) { status stripeDisputeId evidenceDueBy } }`;
const DISPUTED = `query ($id: ID!) { payment(id: $id) { status amountDisputed amountRefunded } }`;
const DECIDE = `mutation ($input: DecideQuarantinedInput!) { decideQuarantined(input: $input) { payment { status amountRefunded } } }`;
const RESUME = `mutation ($id: ID!) { resumeRecurringPayment(input: { recurringPaymentId: $id }) { recurringPayment { status cancelAtPeriodEnd } } }`;

/** Talks to the sandbox's control doors, and to its API as the seller in the dashboard. */
const createStage = ({ sandbox }) => ({
  async control(path, body) {
    const response = await fetch(`${sandbox}/_sandbox${path}`, { method: 'POST', body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  },
  async stripe(path, values) {
    const response = await fetch(`${sandbox}/v1${path}`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk_test_sandbox' },
      body: new URLSearchParams(values),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  },
});

const sessionOf = (url) => url.split('/').at(-1);
const path = (rows) => rows.map(({ status }) => status).join(' → ');

/** The steps, each with what must hold; `observed` collects the statuses that streams showed. */
export const laterSteps = (server, { customer, admin }, { expectThat, payAndWatch, confirmInBrowser, observed }) => {
  const stage = createStage(server);

  const openPage = async (amount) => {
    const orderId = await customer.order(amount, 'USD', 'a demo');
    const begun = await customer.ask(PAY, { input: { orderId, amount, currency: 'USD', mode: 'CHECKOUT' } });
    expectThat(begun.checkoutUrl !== null, 'an address of the checkout page');
    return { orderId, ...begun, session: sessionOf(begun.checkoutUrl) };
  };

  const checkout = async () => {
    const { orderId, payment, session } = await openPage(4_200);
    const seen = customer.watch(WATCH, { id: payment.id }).until(({ status }) => status === 'SUCCESSFUL');
    await stage.control(`/checkout/sessions/${session}/complete`, {
      payment_method: 'pm_card_visa',
      email: 'ada@example.com',
    });
    const rows = await seen;
    expectThat((await customer.orderStatus(orderId)) === 'paid', 'the order to be paid');
    return path(rows);
  };

  const cancelledPage = async () => {
    const { payment, checkoutUrl } = await openPage(900);
    const again = await customer.ask(CONTINUE, { id: payment.id });
    expectThat(again.checkoutUrl === checkoutUrl, 'the same page while it is open');
    const seen = customer.watch(WATCH, { id: payment.id }).until(({ status }) => status === 'CANCELED');
    await customer.ask(CANCEL, { id: payment.id });
    return path(await seen);
  };

  const delayed = async () => {
    const { paid } = await payAndWatch(server, customer, {
      amount: 3_000,
      currency: 'USD',
      card: 'pm_usBankAccount_success',
      until: 'PROCESSING',
    });
    const rest = customer.watch(WATCH, { id: paid.payment.id }).until(({ status }) => status === 'SUCCESSFUL');
    await stage.control('/clock', { advanceSeconds: 300 });
    return path(await rest);
  };

  const capture = async () => {
    const { paid, seen } = await payAndWatch(server, customer, {
      amount: 10_000,
      currency: 'EUR',
      card: 'pm_card_visa',
      until: 'REQUIRES_CAPTURE',
      captureMethod: 'MANUAL',
    });
    const refusal = await customer.ask(CAPTURE, { id: paid.payment.id }).catch((error) => error);
    expectThat(refusal.code === 'FORBIDDEN', 'FORBIDDEN for the customer');
    const rest = customer.watch(WATCH, { id: paid.payment.id }).until(({ status }) => status === 'SUCCESSFUL');
    const { payment } = await admin.ask(CAPTURE, { id: paid.payment.id, amount: 6_000 });
    expectThat(payment.amountReceived === 6_000, '60.00 EUR to be received');
    await rest;
    return `${path(seen)} → ${payment.status}, 60.00 of 100.00 EUR taken`;
  };

  const quarantine = async () => {
    const orderId = await customer.order(5_000, 'USD', 'a demo');
    const paid = await customer.ask(
      `mutation ($input: PayInput!) { pay(input: $input) { payment { id stripePaymentIntentId } clientSecret publishableKey } }`,
      { input: { orderId, amount: 5_000, currency: 'USD' } },
    );
    const seen = customer.watch(WATCH, { id: paid.payment.id }).until(({ status }) => status === 'QUARANTINED');
    await stage.stripe(`/payment_intents/${paid.payment.stripePaymentIntentId}`, { amount: '100' });
    await confirmInBrowser(server, paid, 'pm_card_visa');
    const rows = await seen;
    expectThat((await customer.orderStatus(orderId)) === 'pending', 'the order to be unpaid');
    const { payment } = await admin.ask(DECIDE, { input: { paymentId: paid.payment.id, decision: 'REFUND' } });
    expectThat(payment.amountRefunded === 100, 'what came to be sent back');
    return `${path(rows)}, and staff send the 1.00 USD back`;
  };

  const refunds = async () => {
    const { orderId, paid } = await payAndWatch(server, customer, {
      amount: 10_000,
      currency: 'USD',
      card: 'pm_card_visa',
      until: 'SUCCESSFUL',
    });
    const give = (refundAmount) => admin.ask(REFUND, { input: { paymentId: paid.payment.id, refundAmount } });
    const states = [];
    for (const amount of [3_000, 7_000]) {
      const refunded = customer
        .watch(WATCH_REFUNDS, { id: paid.payment.id })
        .until((refund) => refund.amount === amount && refund.status === 'REFUNDED');
      await give(amount);
      await refunded;
      states.push(await customer.orderStatus(orderId));
    }
    const refusal = await give(1).catch((error) => error);
    expectThat(refusal.code === 'REFUND_EXCEEDS_PAYMENT', 'REFUND_EXCEEDS_PAYMENT');
    expectThat(states.at(-1) === 'refunded', 'the order to be refunded');
    return `${states.join(' → ')}; one cent more: ${refusal.code}`;
  };

  const dispute = async () => {
    const { paid } = await payAndWatch(server, customer, {
      amount: 7_500,
      currency: 'EUR',
      card: 'pm_card_visa',
      until: 'SUCCESSFUL',
    });
    const { id, stripePaymentIntentId } = paid.payment;
    const told = admin.watch(WATCH_DISPUTES, { id }).until(({ status }) => status === 'LOST');
    const begun = admin.watch(WATCH_DISPUTES, { id }).until(({ status }) => status === 'NEEDS_RESPONSE');
    const opened = await stage.control('/disputes', {
      payment_intent: stripePaymentIntentId,
      is_charge_refundable: false,
    });
    const [{ evidenceDueBy }] = await begun;
    const refusal = await admin.ask(REFUND, { input: { paymentId: id, refundAmount: 1 } }).catch((error) => error);
    expectThat(refusal.code === 'PAYMENT_DISPUTED', 'PAYMENT_DISPUTED while the bank decides');
    await stage.control(`/disputes/${opened.id}/close`, { status: 'lost' });
    const rows = await told;
    const lost = await admin.ask(DISPUTED, { id });
    expectThat(lost.amountDisputed === 7_500 && lost.status === 'SUCCESSFUL', '75.00 EUR taken back by the bank');
    return `${path(rows)}, evidence was due by ${evidenceDueBy.slice(0, 10)}; a refund meanwhile: ${refusal.code}`;
  };

  const recurring = async () => {
    const { price } = await (await fetch(`${server.url}/demo/config`)).json();
    const orderId = await customer.order(price.amount, price.currency, price.name);
    const begun = await customer.ask(INITIATE, { input: { orderId, priceId: price.id } });
    const { id } = begun.recurringPayment;
    const watch = (holds) => customer.watch(WATCH_RECURRING, { id }).until(holds);
    const paidOrders = ({ payments }) =>
      payments.edges.filter(({ node }) => node.status === 'SUCCESSFUL').map(({ node }) => node.orderId);
    const active = watch((row) => row.status === 'ACTIVE' && paidOrders(row).length === 1);
    const [stripePaymentIntentId] = begun.clientSecret.split('_secret_');
    await confirmInBrowser(server, { ...begun, payment: { stripePaymentIntentId } }, 'pm_card_visa');
    await active;
    const renewed = watch((row) => paidOrders(row).length === 2);
    await stage.control('/clock', { advanceSeconds: MONTH_SECONDS + HOURS_SECONDS });
    const orders = paidOrders((await renewed).at(-1));
    expectThat(new Set(orders).size === 2 && orders.includes(orderId), 'a new order for the second month');
    const scheduled = await customer.ask(END, { input: { orderId, at: 'PERIOD_END' } });
    expectThat(scheduled.recurringPayment.cancelAtPeriodEnd, 'an end that is scheduled');
    const resumed = await customer.ask(RESUME, { id });
    expectThat(!resumed.recurringPayment.cancelAtPeriodEnd, 'no end after resuming');
    const ended = await customer.ask(END, { input: { orderId, at: 'NOW' } });
    expectThat(ended.recurringPayment.status === 'CANCELED', 'CANCELED');
    return `orders ${orders.reverse().join(' and ')} are paid, then scheduled to end, resumed, ended`;
  };

  const everyStatus = async () => {
    const missing = STATUSES.filter((status) => !observed.has(status));
    expectThat(missing.length === 0, `to have seen ${missing.join(', ')}`);
    return STATUSES.join(', ');
  };

  const story = [
    ['refunds in parts, never more than was received', refunds],
    ['a recurring payment renews into a new order, and ends', recurring],
  ];
  const statuses = [
    ['pay on Stripe’s page', checkout],
    ['a page is given again while it is open, and closed by cancelling', cancelledPage],
    ['a bank debit settles by the clock', delayed],
    ['money is held, and staff take a part of it', capture],
    ['money that isn’t what was asked for is set aside', quarantine],
    ['a bank takes a payment back, and its day is told', dispute],
    ['every status of a payment was seen live', everyStatus],
  ];
  return { story, statuses };
};
