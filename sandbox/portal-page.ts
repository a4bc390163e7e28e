import { money } from './currencies.js';
import { escapeHtml, page } from './pages.js';
import type { PortalSession } from './resources/billing-portal.js';
import type { Invoice } from './resources/invoice-row.js';
import type { PaymentMethod } from './resources/payment-method.js';
import { nameOf, type PortalState } from './resources/portal-flow.js';
import type { Subscription } from './resources/subscription-row.js';

/** What the portal's page shows. */
export interface PortalView extends PortalState {
  readonly session: PortalSession;
  /** Why the last act failed. */
  readonly error?: string | undefined;
}

const STYLE = `<style>
  section { border-top: 1px solid #8793aa; padding: .8rem 0 } form { margin: 0 } h2 { font-size: 1.1rem; margin: 1rem 0 .3rem }
  label { display: block; margin-top: .8rem; font-weight: 500 } .small { width: auto; padding: .3rem .8rem; margin: .3rem .3rem 0 0 }
  input { font: inherit; box-sizing: border-box; width: 100%; padding: .6rem; border: 1px solid #8793aa; border-radius: 6px; background: #fff; color: inherit }
  .error { border: 1px solid #b3093c; border-radius: 6px; padding: .6rem .8rem; color: #b3093c } a { color: inherit }
  @media (prefers-color-scheme: dark) { input { background: #1f2230 } .error { color: #ff9db0; border-color: #ff9db0 } }
</style>`;

const dayOf = (seconds: number): string => new Date(seconds * 1_000).toISOString().slice(0, 10);

const act = (action: string, id: string, label: string): string =>
  `<form method="post"><input type="hidden" name="id" value="${escapeHtml(id)}"><button class="plain small" name="action" value="${action}">${escapeHtml(label)}</button></form>`;

const subscriptionOf = (subscription: Subscription): string => {
  const { id, status, cancel_at_period_end: ends, items } = subscription;
  const end = dayOf(items.data[0]?.current_period_end ?? 0);
  return `<section aria-label="Subscription"><strong>${escapeHtml(nameOf(subscription))}</strong><br>
<small>${escapeHtml(status)}; ${ends ? `ends on ${end}` : `next on ${end}`}</small>
${ends ? act('resume', id, 'Resume subscription') : act('cancel', id, 'Cancel subscription')}</section>`;
};

const invoiceOf = ({ id, number, amount_remaining: due, currency }: Invoice): string =>
  `<section aria-label="Open invoice">Invoice ${escapeHtml(number ?? id)}: ${escapeHtml(money(due, currency))} ${currency.toUpperCase()} is open.
${act('pay', id, 'Pay now')}</section>`;

const methodOf = ({ card, type, id }: PaymentMethod, standard: string | null): string =>
  `<li>${escapeHtml(card ? `${card.brand} ending in ${card.last4}` : type)}${id === standard ? ' (default)' : ''}</li>`;

const TEST_CARDS = [
  ['pm_card_visa', '4242 4242 4242 4242, which succeeds'],
  ['pm_card_authenticationRequired', '4000 0027 6000 3184, which asks for 3-D Secure'],
  ['pm_card_chargeCustomerFail', '4000 0000 0000 0341, which is declined later'],
] as const;

const cardForm = (): string => `<h2 id="card">New card</h2>
<form method="post"><input type="hidden" name="action" value="card">
<label for="number">Card number</label><input id="number" name="number" inputmode="numeric" autocomplete="cc-number" placeholder="4242 4242 4242 4242" required>
<label for="expiry">Expiry (MM/YY)</label><input id="expiry" name="expiry" autocomplete="cc-exp" placeholder="12/34" required>
<label for="cvc">CVC</label><input id="cvc" name="cvc" inputmode="numeric" autocomplete="cc-csc" placeholder="123" required>
<button class="primary">Save card</button>
<p><small>This is a sandbox: no money moves. Type a number, or use one of these.</small></p>
${TEST_CARDS.map(([method, what]) => `<button class="plain small" name="payment_method" value="${method}" formnovalidate>Use ${escapeHtml(what)}</button>`).join('')}</form>`;

/** The portal of a customer: subscriptions to cancel and resume, open invoices to pay, cards. Works without scripts. */
export const portalPage = ({ session, customer, subscriptions, methods, unpaid, error }: PortalView): string => {
  const standard = customer.invoice_settings.default_payment_method;
  const isUpdate = session.flow !== null;
  return page(
    isUpdate ? 'Update your payment method' : 'Your subscriptions',
    `${STYLE}${error === undefined ? '' : `<p class="error" role="alert">${escapeHtml(error)}</p>`}
${isUpdate ? '' : subscriptions.map(subscriptionOf).join('') || '<p>You have no subscription.</p>'}
${unpaid.map(invoiceOf).join('')}
<h2>Cards</h2>${methods.length === 0 ? '<p>None is saved.</p>' : `<ul>${methods.map((method) => methodOf(method, standard)).join('')}</ul>`}
${cardForm()}
${session.return_url === null ? '' : `<p><a href="${escapeHtml(session.return_url)}">Go back</a></p>`}`,
  );
};
