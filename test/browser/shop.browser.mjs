import { describe, expect, test } from 'vitest';
import { beginCard, buy, leave, payWith, placeOrder, seeOrder, seeStatus, useDemo } from './demo.mjs';

const demo = useDemo();

describe('paying by card', () => {
  test('a declined card is told in words, another one pays, and each status shows without a reload', async () => {
    const page = await demo.open();
    await placeOrder(page, /Stoneware mug/);
    await beginCard(page);
    await seeStatus(page, 'PENDING');
    await payWith(page, /Has too little money/);
    await page.getByRole('alert').getByText('insufficient funds').waitFor();
    await seeStatus(page, 'FAILED');
    await payWith(page, /^Pays/);
    await seeStatus(page, 'SUCCESSFUL');
    await seeOrder(page, 'paid');
    expect(await page.getByRole('button', { name: 'Pay now' }).count()).toBe(0);
    await leave(page);
  });

  test('the bank is asked on its own page, and the shop knows the outcome when the person comes back', async () => {
    const page = await demo.open();
    await placeOrder(page, /Print of the harbour/);
    await beginCard(page);
    await payWith(page, /Asks the bank/);
    await page.getByRole('button', { name: 'Fail authentication' }).click();
    await seeStatus(page, 'FAILED');
    await page.getByRole('button', { name: 'Resume payment' }).click();
    await payWith(page, /Asks the bank/);
    await page.getByRole('button', { name: 'Complete authentication' }).click();
    await seeStatus(page, 'SUCCESSFUL');
    expect(page.url()).not.toContain('secret');
    await seeOrder(page, 'paid');
    const order = page.url();
    await page.goBack(); // not to the bank, which has nothing to ask any more
    expect(page.url()).toBe(order);
    await seeStatus(page, 'SUCCESSFUL');
    await leave(page);
  });

  test('a bank debit is processing until its days have passed', async () => {
    const page = await demo.open();
    await placeOrder(page, /Stoneware mug/);
    await beginCard(page);
    await page.getByRole('button', { name: 'Debit a test bank account instead' }).click();
    await seeStatus(page, 'PROCESSING');
    await page.getByRole('button', { name: 'Let a week pass' }).click();
    await seeStatus(page, 'SUCCESSFUL');
    await leave(page);
  });

  test('a payment shows at once in another window that looks at the same order', async () => {
    const page = await demo.open();
    await placeOrder(page, /Tin of sencha/);
    const other = await demo.open(`/${new URL(page.url()).hash}`);
    await beginCard(page);
    await seeStatus(other, 'PENDING');
    await payWith(page, /^Pays/);
    await seeStatus(other, 'SUCCESSFUL');
    await seeOrder(other, 'paid');
    await leave(other);
    await leave(page);
  });

  test('parts of a page that watch the same order share one subscription', async () => {
    const page = await demo.open();
    const sent = [];
    page.on('websocket', (socket) => {
      socket.on('framesent', ({ payload }) => {
        if (/"subscribe".*orderPaymentsUpdated/.test(payload)) sent.push(payload);
      });
    });
    await placeOrder(page, /Stoneware mug/);
    await page.getByRole('button', { name: 'Pay by card' }).waitFor();
    expect(sent).toHaveLength(1); // the page and its checkout both watch
    await leave(page);
  });

  test('a form that could not be loaded is told, leaves the page as it is, and is there when asked again', async () => {
    const page = await demo.open();
    await placeOrder(page, /Stoneware mug/);
    await page.route('**/sandbox-form-*.js', (route) => route.abort());
    await page.getByRole('button', { name: 'Pay by card' }).click();
    await page.locator('[data-code=UNREACHABLE]').waitFor();
    await page.unroute('**/sandbox-form-*.js');
    await page.getByRole('button', { name: 'Try again' }).click();
    await payWith(page, /^Pays/);
    await seeStatus(page, 'SUCCESSFUL');
    await leave(page);
  });

  test('an order is placed and paid with the keyboard alone', async () => {
    const page = await demo.open();
    await page.getByLabel(/Stoneware mug/).focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: /Print of the harbour/ }).waitFor();
    await page.getByRole('button', { name: 'Pay by card' }).focus();
    await page.keyboard.press('Enter');
    await page.getByLabel('Card number').focus();
    await page.keyboard.type('4242424242424242');
    await page.keyboard.press('Enter');
    await seeStatus(page, 'SUCCESSFUL');
    await leave(page);
  });
});

describe("paying on Stripe's page", () => {
  test('brings the person back to the order, whose status is there without a reload', async () => {
    const page = await demo.open();
    await placeOrder(page, /Tin of sencha/);
    await page.getByRole('button', { name: 'Pay on Stripe’s page' }).click();
    await page.getByLabel('Email').fill('ada@example.com');
    await page.getByLabel('Card number').fill('4242424242424242');
    await page.getByLabel('Expiry').fill('12/34');
    await page.getByLabel('CVC').fill('123');
    await page.getByRole('button', { name: /^Pay / }).click();
    await seeStatus(page, 'SUCCESSFUL');
    await seeOrder(page, 'paid');
    await leave(page);
  });

  test('shows in a page whose first look at the order was under way when it was paid', async () => {
    const page = await demo.open();
    await placeOrder(page, /Stoneware mug/);
    await beginCard(page);
    const other = await page.context().newPage();
    let seen = 0;
    other.on('websocket', (socket) =>
      socket.on('framereceived', ({ payload }) => (seen += /SUCCESSFUL/.test(payload))),
    );
    let release;
    const held = new Promise((resolve) => (release = resolve));
    const looked = new Promise((resolve) =>
      other.route(
        '**/demo/orders?id=*',
        async (route) => {
          const response = await route.fetch();
          resolve();
          await held;
          await route.fulfill({ response });
        },
        { times: 1 },
      ),
    );
    await other.goto(page.url());
    await looked;
    await payWith(page, /^Pays/);
    await seeOrder(page, 'paid');
    await expect.poll(() => seen, { timeout: 60_000 }).toBeGreaterThan(0);
    release();
    await seeOrder(other, 'paid');
    await leave(page);
  });

  test('can be left, gone on with, and cancelled', async () => {
    const page = await demo.open();
    await placeOrder(page, /Stoneware mug/);
    await page.getByRole('button', { name: 'Pay on Stripe’s page' }).click();
    await page.getByRole('link', { name: 'Cancel and go back' }).click();
    await page.getByRole('button', { name: 'Resume payment' }).click();
    await page.getByRole('link', { name: 'Cancel and go back' }).click();
    await page.getByRole('button', { name: 'Cancel this payment' }).click();
    await page.getByRole('button', { name: 'Yes, cancel it' }).click();
    await seeStatus(page, 'CANCELED');
    await page.getByRole('button', { name: 'Pay by card' }).waitFor();
    await leave(page);
  });

  test('starts a subscription', async () => {
    const page = await demo.open();
    await placeOrder(page, /Coffee club/);
    await page.getByRole('button', { name: 'Subscribe on Stripe’s page' }).click();
    await page.getByLabel('Card number').fill('4242424242424242');
    await page.getByLabel('Expiry').fill('12/34');
    await page.getByLabel('CVC').fill('123');
    await page.getByRole('button', { name: 'Subscribe' }).click();
    await seeOrder(page, 'ACTIVE');
    await leave(page);
  });
});

test('money that was only reserved is taken, or let go, by staff', async () => {
  const page = await demo.open();
  for (const [button, yes, status] of [
    [/^Take/, 'Yes, take it', 'SUCCESSFUL'],
    ['Cancel this payment', 'Yes, cancel it', 'CANCELED'],
  ]) {
    await page.getByRole('radio', { name: 'Customer' }).check();
    await placeOrder(page, /Print of the harbour/);
    await page.getByLabel(/Only authorize/).check();
    await beginCard(page);
    await payWith(page, /^Pays/);
    await seeStatus(page, 'REQUIRES_CAPTURE');
    expect(await page.getByRole('button', { name: 'Pay now' }).count()).toBe(0);
    await page.getByRole('radio', { name: 'Staff' }).check();
    await page.getByRole('button', { name: button }).click();
    await page.getByRole('button', { name: yes }).click();
    await seeStatus(page, status);
  }
  await leave(page);
});

describe('the order form', () => {
  test('says what is wrong with an amount, in the currency that was chosen', async () => {
    const page = await demo.open();
    await page.getByLabel('Currency').selectOption('JPY');
    await page.getByLabel('Amount').fill('12.50');
    await page.getByText('Write an amount in JPY, such as 1000.').waitFor();
    expect(await page.getByRole('button', { name: 'Place the order' }).isDisabled()).toBe(true);
    await page.getByLabel('Currency').selectOption('KWD');
    await page.getByLabel('Amount').fill('1.234');
    await page.getByRole('button', { name: 'Place the order' }).click();
    await page.getByRole('alert').waitFor();
    await leave(page);
  });

  test('an order that is not there is told in words, with the way back', async () => {
    const page = await demo.open('/#/orders/999999');
    await page.getByRole('alert').waitFor();
    await page.getByRole('link', { name: 'Back to the shop' }).click();
    await page.getByRole('heading', { name: 'What would you like?' }).waitFor();
    await leave(page);
  });
});

test('staff give money back in parts, never more than is left, and the customer sees it', async () => {
  const page = await demo.open();
  await buy(page);
  const staff = await demo.open(`/${new URL(page.url()).hash}`);
  await staff.getByRole('radio', { name: 'Staff' }).check();
  await staff.getByLabel('Amount in USD').fill('5');
  await staff.getByLabel('Reason (optional)').fill('a chip in the glaze');
  await staff.getByRole('button', { name: 'Refund $5.00' }).click();
  await page.getByText('a chip in the glaze').waitFor();
  await seeOrder(page, 'partially_refunded');
  await staff.getByText('$13.00 can be refunded').waitFor();
  await staff.getByLabel('Amount in USD').fill('13.01');
  await staff.getByRole('button', { name: 'Refund $13.01' }).click();
  await staff.locator('[data-code=REFUND_EXCEEDS_PAYMENT]').waitFor();
  await staff.getByLabel('Amount in USD').fill('13');
  await staff.getByRole('button', { name: 'Refund $13.00' }).click();
  await seeOrder(page, 'refunded');
  await leave(staff);
  await leave(page);
});

test('a subscription starts, renews into a new order when a month passes, and ends', async () => {
  const page = await demo.open();
  await placeOrder(page, /Coffee club/);
  await page.getByRole('button', { name: 'Subscribe by card' }).click();
  await payWith(page, /Is declined/);
  await page.getByRole('alert').getByText('declined').waitFor();
  await payWith(page, /^Pays/);
  await seeOrder(page, 'ACTIVE');
  const charges = page.getByRole('region', { name: 'Charges' }).getByRole('listitem');
  expect(await charges.count()).toBe(1);
  await page.getByRole('button', { name: 'Skip a month' }).click();
  await charges.nth(1).getByText('Paid').waitFor();
  const links = await charges.getByRole('link').evaluateAll((all) => all.map(({ hash }) => hash));
  expect(new Set(links).size).toBe(2);
  await page.getByRole('button', { name: 'Cancel at the month’s end' }).click();
  await page.getByRole('button', { name: 'Yes, cancel then' }).click();
  await page.getByText('Ends on').waitFor();
  await page.getByRole('button', { name: 'Keep it after all' }).click();
  await page.getByText('The next charge comes on').waitFor();
  await page.getByRole('button', { name: 'Cancel now' }).click();
  await page.getByRole('button', { name: 'Yes, end it now' }).click();
  await seeOrder(page, 'CANCELED');
  await page.getByText('This subscription has ended.').waitFor();
  await leave(page);
});

test('staff change how much a subscription sends and pause its charges: nothing is charged until it goes on', async () => {
  const page = await demo.open();
  await placeOrder(page, /Coffee club/);
  await page.getByRole('button', { name: 'Subscribe by card' }).click();
  await payWith(page, /^Pays/);
  await seeOrder(page, 'ACTIVE');
  const paid = page.getByRole('region', { name: 'Charges' }).getByRole('listitem').filter({ hasText: 'Paid' });
  await paid.first().waitFor();
  const staff = await demo.open(`/${new URL(page.url()).hash}`);
  await staff.getByRole('radio', { name: 'Staff' }).check();
  const press = (name) => staff.getByRole('button', { name, exact: true }).click();

  await press('Two bags a month');
  await staff.getByText('The next charge is $30.00.').waitFor();
  await press('Leave it');
  await press('Two bags a month');
  await press('Yes, change it');
  await staff.getByText('Two bags from').waitFor();
  await staff.getByRole('button', { name: 'One bag a month' }).waitFor();

  await press('Pause');
  await press('Yes, pause it');
  await staff.getByRole('button', { name: 'Go on charging' }).waitFor();
  const skipMonth = async () => {
    await page.getByRole('button', { name: 'Skip a month' }).click();
    await page.getByRole('button', { name: 'A month passes …' }).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Skip a month' }).waitFor();
  };
  await skipMonth();
  expect(await paid.count()).toBe(1);
  await press('Go on charging');
  await staff.getByRole('button', { name: 'Pause', exact: true }).waitFor();
  await skipMonth();
  await paid.nth(1).waitFor();
  await paid.filter({ hasText: '$30.00' }).waitFor();
  await leave(staff);
  await leave(page);
});
