import { formatMoney } from 'tollgate-client';
import { CARDS, type Confirming, confirmCard, openOrder, PRICE } from '../shop.ts';
import { createVersions } from '../versions.ts';
import { ask, watch } from './graphql.ts';

interface Payment {
  readonly id: string;
  readonly version: number;
  readonly status: string;
  readonly amount: number;
  readonly currency: string;
}

const FIELDS = 'id version status amount currency';
const LIST = `query ($orderId: ID!) { payments(orderId: $orderId) { edges { node { ${FIELDS} } } } }`;
const LIVE = `subscription ($orderId: ID!) { orderPaymentsUpdated(orderId: $orderId) { ${FIELDS} } }`;
const PAY = 'mutation ($input: PayInput!) { pay(input: $input) { clientSecret publishableKey } }';

const find = <Found extends HTMLElement>(selector: string): Found => {
  const found = document.querySelector<Found>(selector);
  if (!found) throw new Error(`The page has no ${selector}.`);
  return found;
};

const orderId = await openOrder();
find('h1').textContent = `Order ${orderId}`;

const versions = createVersions();
const rows = new Map<string, Payment>();

const show = (payments: readonly Payment[]): void => {
  for (const payment of payments) if (versions.takesMessage(payment)) rows.set(payment.id, payment);
  const items = [...rows.values()].map(({ amount, currency, status }) => {
    const item = document.createElement('li');
    item.textContent = `${formatMoney(amount, currency)} ${status}`;
    return item;
  });
  find('ul').replaceChildren(...items);
  find('#state').textContent = items.length === 0 ? 'Nothing was paid yet.' : '';
};

const read = async (): Promise<void> => {
  const { payments } = await ask<{ payments: { edges: { node: Payment }[] } }>(LIST, { orderId });
  show(payments.edges.map(({ node }) => node));
};

const pay = async (card: string): Promise<void> => {
  // One key for one press of the button, also where the request is repeated.
  const input = { orderId, ...PRICE, idempotencyKey: crypto.randomUUID() };
  const answer = await ask<{ pay: Confirming }>(PAY, { input });
  await confirmCard(answer.pay, card);
};

/** Does one thing at a time, and says what was refused. */
const onPress = (id: string, act: () => Promise<void>): void => {
  const button = find<HTMLButtonElement>(id);
  button.addEventListener('click', async () => {
    button.disabled = true;
    find('#refusal').textContent = '';
    await act().catch((error: Error) => {
      find('#refusal').textContent = error.message;
    });
    button.disabled = false;
  });
};
onPress('#pay', () => pay(CARDS.good));
onPress('#decline', () => pay(CARDS.declined));
onPress('#read', read);

const follow = async (): Promise<void> => {
  const leaving = new AbortController();
  addEventListener('pagehide', () => leaving.abort());
  const live = watch<{ orderPaymentsUpdated: Payment }>(LIVE, { orderId }, leaving.signal);
  for await (const { orderPaymentsUpdated } of live) show([orderPaymentsUpdated]);
};
await Promise.all([read(), follow()]).catch((error: Error) => {
  find('#refusal').textContent = error.message;
});
