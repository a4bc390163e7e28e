import { checkoutPage, endedPage } from './checkout-page.js';
import { ControlError, onlyNames, optionalNumber, optionalString, readJson, string } from './control-body.js';
import { money } from './currencies.js';
import { ApiError } from './errors.js';
import type { Kind, StripeObject } from './kind.js';
import { page, Redirect } from './pages.js';
import { portalPage } from './portal-page.js';
import { type PortalSession, portalSessions } from './resources/billing-portal.js';
import { AFTER_RETRIES, type BillingSetting, billingSettings } from './resources/billing-setting.js';
import { confirmCheckout, customerOf, nextActionOf } from './resources/checkout-flow.js';
import { type CheckoutSession, checkoutPlans, checkoutSessions } from './resources/checkout-session-row.js';
import { collections, invoices } from './resources/invoice-row.js';
import { newPaymentMethod, paymentMethods, readCard } from './resources/payment-method.js';
import { openPortal, payInPortal, saveInPortal, setPortalEnd } from './resources/portal-flow.js';
import type { OpenScope, Scope } from './scope.js';

interface Call {
  readonly id: string;
  readonly body: string;
}
type Door = (call: Call) => object | string;

export interface BillingDoorsParts {
  readonly openScope: OpenScope;
  /** The scope in whose account and mode the object lives. */
  readonly scopeOf: <T extends StripeObject>(kind: Kind<T>, id: string) => Scope;
}

/** Where a finished session leads to (Stripe: "Customize your success page": {CHECKOUT_SESSION_ID}). */
const successUrl = ({ id, success_url: url }: CheckoutSession): string => url.replaceAll('{CHECKOUT_SESSION_ID}', id);

const redirectOf = (action: object | null): string | undefined => {
  const redirect: unknown = action && Reflect.get(action, 'redirect_to_url');
  const url: unknown = typeof redirect === 'object' && redirect !== null ? Reflect.get(redirect, 'url') : undefined;
  return typeof url === 'string' ? url : undefined;
};

const show = (scope: Scope, session: CheckoutSession, error?: string, typed?: URLSearchParams): string | Redirect => {
  if (session.status === 'complete') return new Redirect(successUrl(session));
  if (session.status === 'expired') return endedPage(session);
  const customer = customerOf(scope, session);
  const saved = customer
    ? scope
        .all(paymentMethods, 'customer', customer.id)
        .filter(({ type }) => session.payment_method_types.includes(type))
    : [];
  return checkoutPage({ session, items: scope.get(checkoutPlans, session.id).items, saved, error, typed });
};

/** The method that was chosen by its button, or the card that was typed. */
const chosenMethod = (scope: Scope, form: URLSearchParams): string => {
  const chosen = form.get('payment_method');
  if (chosen) return chosen;
  const [month = '', year = ''] = (form.get('expiry') ?? '').split('/');
  const card = readCard(scope, {
    number: form.get('number') ?? '',
    exp_month: Number(month),
    exp_year: Number(year),
    cvc: form.get('cvc') ?? '',
  });
  const name = form.get('name');
  return newPaymentMethod(scope, { ...card, ...(name ? { billing: { name } } : {}) }).id;
};

const submit = (scope: Scope, session: CheckoutSession, form: URLSearchParams): string | Redirect => {
  if (session.status !== 'open') return show(scope, session);
  try {
    const error = confirmCheckout(scope, session, {
      paymentMethod: chosenMethod(scope, form),
      email: form.get('email') || undefined,
      name: form.get('name') || undefined,
    });
    if (error) return show(scope, session, error.message, form);
  } catch (error) {
    if (error instanceof ApiError) return show(scope, session, error.message, form);
    throw error;
  }
  const bank = session.status === 'open' ? redirectOf(nextActionOf(scope, session)) : undefined;
  return bank === undefined ? show(scope, session) : new Redirect(bank);
};

const showPortal = (scope: Scope, session: PortalSession, error?: string): string =>
  portalPage({ ...openPortal(scope, session), session, error });

const actInPortal = (scope: Scope, session: PortalSession, form: URLSearchParams): object | null => {
  const id = form.get('id') ?? '';
  switch (form.get('action')) {
    case 'cancel':
    case 'resume':
      setPortalEnd(scope, session, id, form.get('action') === 'cancel');
      return null;
    case 'pay':
      return payInPortal(scope, session, id);
    default:
      return saveInPortal(scope, session, chosenMethod(scope, form), session.url);
  }
};

const submitPortal = (scope: Scope, session: PortalSession, form: URLSearchParams): string | Redirect => {
  try {
    const bank = redirectOf(actInPortal(scope, session, form));
    return bank === undefined ? new Redirect(session.url) : new Redirect(bank);
  } catch (error) {
    if (error instanceof ApiError) return showPortal(scope, session, error.message);
    throw error;
  }
};

const complete = (scope: Scope, session: CheckoutSession, body: string): object => {
  const values = readJson(body);
  onlyNames(values, ['payment_method', 'email', 'name']);
  const error = confirmCheckout(scope, session, {
    paymentMethod: optionalString(values, 'payment_method'),
    email: optionalString(values, 'email'),
    name: optionalString(values, 'name'),
  });
  if (error) throw error;
  return { session, next_action: session.status === 'open' ? nextActionOf(scope, session) : null };
};

/** The control doors and pages of billing and Checkout; `docs/sandbox.md` lists them. */
export const createBillingDoors = ({ openScope, scopeOf }: BillingDoorsParts): Readonly<Record<string, Door>> => {
  const withSession = (id: string): { scope: Scope; session: CheckoutSession } => {
    const scope = scopeOf(checkoutSessions, id);
    return { scope, session: scope.get(checkoutSessions, id) };
  };

  const setBilling = (body: string): object => {
    const values = readJson(body);
    onlyNames(values, ['afterRetries', 'account', 'livemode']);
    const wanted = string(values, 'afterRetries');
    const afterRetries = AFTER_RETRIES.find((known) => known === wanted);
    if (!afterRetries) throw new ControlError(`afterRetries must be one of ${AFTER_RETRIES.join(', ')}.`);
    const scope = openScope({
      account: optionalString(values, 'account') ?? 'acct_sandbox',
      livemode: values['livemode'] === true,
    });
    return scope.save<BillingSetting>(billingSettings, { id: 'billing', object: 'billing_setting', afterRetries });
  };

  const failFinalizations = (id: string, body: string): object => {
    const values = readJson(body);
    onlyNames(values, ['times']);
    const scope = scopeOf(collections, id);
    return scope.save(collections, {
      ...scope.get(collections, id),
      failingFinalizations: optionalNumber(values, 'times') ?? 1,
    });
  };

  return {
    'POST /billing': ({ body }) => setBilling(body),
    'POST /invoices/:id/fail_finalization': ({ id, body }) => failFinalizations(id, body),
    'GET /invoices/:id': ({ id }) => {
      const { number, amount_due: due, currency, status } = scopeOf(invoices, id).get(invoices, id);
      return page(`Invoice ${number ?? id}`, `<p>${money(due, currency)} ${currency.toUpperCase()}: ${status}</p>`);
    },
    'POST /checkout/sessions/:id/complete': ({ id, body }) => {
      const { scope, session } = withSession(id);
      return complete(scope, session, body);
    },
    'GET /portal/:id': ({ id }) => {
      const scope = scopeOf(portalSessions, id);
      return showPortal(scope, scope.get(portalSessions, id));
    },
    'POST /portal/:id': ({ id, body }) => {
      const scope = scopeOf(portalSessions, id);
      return submitPortal(scope, scope.get(portalSessions, id), new URLSearchParams(body));
    },
    'GET /checkout/:id': ({ id }) => {
      const { scope, session } = withSession(id);
      return show(scope, session);
    },
    'POST /checkout/:id': ({ id, body }) => {
      const { scope, session } = withSession(id);
      return submit(scope, session, new URLSearchParams(body));
    },
  };
};
