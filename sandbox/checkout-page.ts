import { money } from './currencies.js';
import { escapeHtml, page } from './pages.js';
import type { CheckoutItem, CheckoutSession } from './resources/checkout-session-row.js';
import type { PaymentMethod } from './resources/payment-method.js';

/** What the customer sees and may choose from. */
export interface CheckoutView {
  readonly session: CheckoutSession;
  readonly items: readonly CheckoutItem[];
  readonly saved: readonly PaymentMethod[];
  /** Why the last try failed. */
  readonly error?: string | undefined;
  /** What was typed, to be kept after an error. */
  readonly typed?: URLSearchParams | undefined;
}

const TEST_METHODS: readonly (readonly [method: string, number: string, effect: string])[] = [
  ['pm_card_visa', '4242 4242 4242 4242', 'succeeds'],
  ['pm_card_authenticationRequired', '4000 0027 6000 3184', 'asks for 3-D Secure'],
  ['pm_card_visa_chargeDeclined', '4000 0000 0000 0002', 'is declined'],
  ['pm_card_visa_chargeDeclinedInsufficientFunds', '4000 0000 0000 9995', 'has insufficient funds'],
  ['pm_card_chargeCustomerFail', '4000 0000 0000 0341', 'can be saved, then is declined'],
  ['pm_card_createDispute', '4000 0000 0000 0259', 'succeeds and is disputed'],
];
const DELAYED: Readonly<Record<string, readonly (readonly [string, string, string])[]>> = {
  us_bank_account: [
    ['pm_usBankAccount_success', 'US bank account', 'succeeds after three minutes'],
    ['pm_usBankAccount_insufficientFunds', 'US bank account', 'fails after three minutes'],
  ],
  sepa_debit: [
    ['pm_success_de', 'SEPA debit', 'succeeds after three minutes'],
    ['pm_failed_de', 'SEPA debit', 'fails after three minutes'],
  ],
};

const STYLE = `<style>
  table { width: 100%; border-collapse: collapse } td, th { padding: .35rem 0; text-align: left; vertical-align: middle }
  td:last-child, th:last-child { text-align: right } .total { border-top: 1px solid #8793aa; font-weight: 600 }
  label { display: block; margin-top: .8rem; font-weight: 500 }
  input { font: inherit; box-sizing: border-box; width: 100%; padding: .6rem; border: 1px solid #8793aa; border-radius: 6px; background: #fff; color: inherit }
  ::placeholder { color: #5a6377; opacity: 1 }
  .row { display: grid; grid-template-columns: 1fr 1fr; gap: .8rem }
  .small { width: auto; padding: .3rem .8rem; margin: 0 }
  .error { border: 1px solid #b3093c; border-radius: 6px; padding: .6rem .8rem; color: #b3093c }
  a { color: inherit } h2 { font-size: 1.1rem; margin: 2rem 0 .3rem }
  @media (prefers-color-scheme: dark) { input { background: #1f2230 } ::placeholder { color: #a3acb9 } .error { color: #ff9db0; border-color: #ff9db0 } }
</style>`;

const field = (name: string, label: string, attributes: string, typed: URLSearchParams | undefined): string =>
  `<label for="${name}">${label}</label><input id="${name}" name="${name}" ${attributes} value="${escapeHtml(typed?.get(name) ?? '')}">`;

const rhythm = ({ price }: CheckoutItem): string =>
  price.recurring
    ? ` every ${price.recurring.interval_count === 1 ? '' : `${price.recurring.interval_count} `}${price.recurring.interval}${price.recurring.interval_count === 1 ? '' : 's'}`
    : '';

const summary = ({ session, items }: CheckoutView): string => {
  if (session.mode === 'setup') return '<p>Save a payment method for later.</p>';
  const rows = items.map(
    (item) =>
      `<tr><td>${escapeHtml(item.description)}${item.quantity > 1 ? ` × ${item.quantity}` : ''}</td><td>${escapeHtml(money(item.amount_total, item.currency))}${rhythm(item)}</td></tr>`,
  );
  const total = escapeHtml(
    `${money(session.amount_total ?? 0, session.currency ?? 'usd')} ${(session.currency ?? '').toUpperCase()}`,
  );
  return `<table><caption hidden>What you buy</caption>${rows.join('')}<tr class="total"><td>Total</td><td>${total}</td></tr></table>`;
};

const choice = (method: string, what: string, effect: string): string =>
  `<tr><td>${escapeHtml(what)}<br><small>${escapeHtml(effect)}</small></td><td><button class="plain small" name="payment_method" value="${escapeHtml(method)}" formnovalidate aria-label="Use ${escapeHtml(`${what}, which ${effect}`)}">Use</button></td></tr>`;

const choices = ({ session, saved }: CheckoutView): string => {
  const kept = saved.map(({ id, type, card }) =>
    choice(id, card ? `${card.brand} ending in ${card.last4}` : type, 'is saved with you'),
  );
  const delayed = session.payment_method_types.flatMap((type) => DELAYED[type] ?? []);
  const tests = [...TEST_METHODS, ...delayed].map(([method, what, effect]) => choice(method, what, effect));
  return `${kept.length > 0 ? `<h2>Saved</h2><table>${kept.join('')}</table>` : ''}
<h2>Test payment methods</h2><p><small>This is a sandbox: no money moves. Type one of these numbers, or use it at once.</small></p><table>${tests.join('')}</table>`;
};

const label = ({ session }: CheckoutView): string =>
  session.mode === 'setup'
    ? 'Save card'
    : session.mode === 'subscription'
      ? 'Subscribe'
      : `Pay ${money(session.amount_total ?? 0, session.currency ?? 'usd')}`;

/** The hosted page of an open session: the card form, test methods, and the way back. Works without scripts. */
export const checkoutPage = (view: CheckoutView): string => {
  const { session, error, typed } = view;
  const needsEmail = !session.customer_details?.email;
  const email = needsEmail
    ? field('email', 'Email', 'type="email" autocomplete="email" placeholder="ada@example.com"', typed)
    : `<p>${escapeHtml(session.customer_details?.email ?? '')}</p>`;
  return page(
    session.mode === 'setup' ? 'Save a payment method' : session.mode === 'subscription' ? 'Subscribe' : 'Pay',
    `${STYLE}${summary(view)}
${error === undefined ? '' : `<p class="error" role="alert">${escapeHtml(error)}</p>`}
<form method="post">${email}
${field('number', 'Card number', 'inputmode="numeric" autocomplete="cc-number" placeholder="4242 4242 4242 4242" required', typed)}
<div class="row"><div>${field('expiry', 'Expiry (MM/YY)', 'autocomplete="cc-exp" placeholder="12/34" pattern="\\s*\\d{1,2}\\s*/\\s*\\d{2,4}\\s*" required', typed)}</div>
<div>${field('cvc', 'CVC', 'inputmode="numeric" autocomplete="cc-csc" placeholder="123" pattern="\\d{3,4}" required', typed)}</div></div>
${field('name', 'Name on the card', 'autocomplete="cc-name"', typed)}
<button class="primary">${escapeHtml(label(view))}</button>
${choices(view)}</form>
${session.cancel_url === null ? '' : `<p><a href="${escapeHtml(session.cancel_url)}">Cancel and go back</a></p>`}`,
  );
};

/** What is left to see of a session that is over and has nowhere to lead to. */
export const endedPage = (session: CheckoutSession): string =>
  page(
    session.status === 'expired' ? 'This page has expired' : 'Done',
    `${STYLE}<p>${session.status === 'expired' ? 'Nothing was charged.' : 'You can close this page.'}</p>
${session.cancel_url === null || session.status === 'complete' ? '' : `<p><a href="${escapeHtml(session.cancel_url)}">Go back</a></p>`}`,
  );
