import { createHash } from 'node:crypto';
import { DECLINES, type Decline } from '../declines.js';
import { ApiError, invalidRequest, leftOut } from '../errors.js';
import type { FormValue } from '../form.js';
import type { Kind, StripeObject } from '../kind.js';
import { type BillingValues, fullBillingDetails, type MetadataChange, withMetadata } from '../params.js';
import type { Scope } from '../scope.js';
import { type Behaviour, behaviourByName, behaviourByNumber } from '../test-payment-methods.js';

export interface PaymentMethod extends StripeObject {
  readonly object: 'payment_method';
  allow_redisplay: 'always' | 'limited' | 'unspecified';
  billing_details: ReturnType<typeof fullBillingDetails>;
  card?: ReturnType<typeof cardDetails>;
  us_bank_account?: object;
  sepa_debit?: object;
  readonly created: number;
  customer: string | null;
  readonly customer_account: null;
  readonly livemode: boolean;
  metadata: Record<string, string>;
  readonly type: Behaviour['type'];
}
export const paymentMethods: Kind<PaymentMethod> = {
  table: 'payment_method',
  noun: 'PaymentMethod',
  indexes: ['customer'],
  expandable: { customer: 'customer' },
};

/** What Stripe knows of a payment method and doesn't show. */
export interface Instrument extends StripeObject {
  readonly behaviour: string;
  /** Set up for later use, so that `untilSetUp` methods need no authentication off session. */
  isSetUp: boolean;
  /** Used without a customer, or detached: it can't be used again. */
  isSpent: boolean;
  /** A card with a date that somebody typed: it is declined once that has passed. Named test methods never expire. */
  expires?: boolean;
}
export const instruments: Kind<Instrument> = { table: 'instrument' };

const fingerprint = (number: string): string =>
  createHash('sha256').update(number).digest('base64url').replaceAll(/[-_]/g, 'x').slice(0, 16);

export interface Expiry {
  readonly month: number;
  readonly year: number;
}

const cardDetails = ({ brand, country, funding, number }: Behaviour, expiry: Expiry, hasCvc: boolean) => ({
  brand,
  checks: {
    address_line1_check: null,
    address_postal_code_check: null,
    cvc_check: hasCvc ? 'unchecked' : null,
  },
  country,
  display_brand: brand,
  exp_month: expiry.month,
  exp_year: expiry.year,
  fingerprint: fingerprint(number),
  funding,
  generated_from: null,
  last4: number.slice(-4),
  networks: { available: [brand], preferred: null },
  regulated_status: 'unregulated',
  three_d_secure_usage: { supported: true },
  wallet: null,
});

const bankDetails = ({ number }: Behaviour) => ({
  account_holder_type: 'individual',
  account_type: 'checking',
  bank_name: 'STRIPE TEST BANK',
  financial_connections_account: null,
  fingerprint: fingerprint(number),
  last4: number.slice(-4),
  networks: { preferred: 'ach', supported: ['ach'] },
  routing_number: '110000000',
  status_details: {},
});

const sepaDetails = ({ number, country }: Behaviour) => ({
  bank_code: number.slice(4, 12),
  branch_code: '',
  country,
  fingerprint: fingerprint(number),
  generated_from: { charge: null, setup_attempt: null },
  last4: number.slice(-4),
});

export interface NewPaymentMethod {
  readonly behaviour: Behaviour;
  readonly expiry?: Expiry;
  readonly hasCvc?: boolean;
  readonly billing?: BillingValues | undefined;
  readonly metadata?: MetadataChange | undefined;
  readonly allow_redisplay?: PaymentMethod['allow_redisplay'] | undefined;
}

/** A new payment method object of its own, as each use of `pm_card_visa` makes one at Stripe. */
export const newPaymentMethod = (scope: Scope, values: NewPaymentMethod): PaymentMethod => {
  const { behaviour } = values;
  const expiry = values.expiry ?? { month: 8, year: new Date(scope.now() * 1_000).getUTCFullYear() + 1 };
  const method = scope.save<PaymentMethod>(paymentMethods, {
    id: scope.newId('pm'),
    object: 'payment_method',
    allow_redisplay: values.allow_redisplay ?? 'unspecified',
    billing_details: fullBillingDetails(values.billing),
    ...(behaviour.type === 'card' ? { card: cardDetails(behaviour, expiry, values.hasCvc ?? true) } : {}),
    ...(behaviour.type === 'us_bank_account' ? { us_bank_account: bankDetails(behaviour) } : {}),
    ...(behaviour.type === 'sepa_debit' ? { sepa_debit: sepaDetails(behaviour) } : {}),
    created: scope.now(),
    customer: null,
    customer_account: null,
    livemode: scope.livemode,
    metadata: withMetadata({}, values.metadata),
    type: behaviour.type,
  });
  scope.save(instruments, {
    id: method.id,
    object: 'instrument',
    behaviour: behaviour.name,
    isSetUp: behaviour.name === 'pm_card_authenticationRequiredSetupForOffSession',
    isSpent: false,
    expires: values.expiry !== undefined,
  });
  return method;
};

/** The payment method of this id, or a fresh one where a test name or token is given. Throws `resource_missing`. */
export const usePaymentMethod = (scope: Scope, id: string, param = 'payment_method'): PaymentMethod => {
  const known = scope.find(paymentMethods, id);
  if (known) return known;
  const behaviour = id.startsWith('tok_') || id.startsWith('pm_') ? behaviourByName(id) : undefined;
  return behaviour ? newPaymentMethod(scope, { behaviour }) : scope.get(paymentMethods, id, param);
};

/** How this payment method behaves. */
export const behaviourOf = (scope: Scope, method: PaymentMethod): Behaviour => {
  const behaviour = behaviourByName(scope.get(instruments, method.id).behaviour);
  if (!behaviour) throw new Error(`no behaviour for ${method.id}`);
  return behaviour;
};

/** Why the bank declines a charge of this method now; undefined where it doesn't. */
export const declineOf = (scope: Scope, method: PaymentMethod): Decline | undefined => {
  const { expires } = scope.get(instruments, method.id);
  const { card } = method;
  const today = new Date(scope.now() * 1_000);
  const isPast =
    card !== undefined &&
    (card.exp_year < today.getUTCFullYear() ||
      (card.exp_year === today.getUTCFullYear() && card.exp_month < today.getUTCMonth() + 1));
  return expires && isPast ? DECLINES.expiredCard : behaviourOf(scope, method).decline;
};

/** A card error (402) for this decline (Stripe: "Errors", "Decline codes"). */
export const cardError = (decline: Decline, extra: Partial<ApiError['body']> = {}): ApiError =>
  new ApiError(402, { type: 'card_error', ...decline, ...extra });

const passesLuhn = (digits: string): boolean => {
  let sum = 0;
  [...digits].reverse().forEach((digit, at) => {
    const doubled = Number(digit) * (at % 2 === 1 ? 2 : 1);
    sum += doubled > 9 ? doubled - 9 : doubled;
  });
  return sum % 10 === 0;
};

export interface CardValues {
  readonly number?: string;
  readonly exp_month?: number;
  readonly exp_year?: number;
  readonly cvc?: string;
  readonly token?: string;
  readonly networks?: FormValue;
}

const cardRefusal = (code: string, message: string, param: string): ApiError =>
  new ApiError(402, { type: 'card_error', code, message, param });

/** Reads a typed card (Stripe: "Testing", "Invalid data"); throws a card error for what can't be a card. */
export const readCard = (scope: Scope, card: CardValues): Pick<NewPaymentMethod, 'behaviour' | 'expiry' | 'hasCvc'> => {
  if (card.token !== undefined) {
    const behaviour = behaviourByName(card.token);
    if (!behaviour)
      throw invalidRequest(`No such token: '${card.token}'`, { code: 'resource_missing', param: 'card[token]' });
    return { behaviour };
  }
  const { number, exp_month: month, exp_year: year, cvc } = card;
  for (const [name, value] of [
    ['number', number],
    ['exp_month', month],
    ['exp_year', year],
  ] as const)
    if (value === undefined)
      throw invalidRequest(`Missing required param: card[${name}].`, {
        code: 'parameter_missing',
        param: `card[${name}]`,
      });
  if (number === undefined || month === undefined || year === undefined) throw new Error('unreachable');
  const digits = number.replaceAll(/[\s-]/g, '');
  if (!/^\d{12,19}$/.test(digits) || !passesLuhn(digits))
    throw cardRefusal('incorrect_number', 'Your card number is incorrect.', 'number');
  const fullYear = year < 100 ? 2_000 + year : year;
  const today = new Date(scope.now() * 1_000);
  if (month < 1 || month > 12)
    throw cardRefusal('invalid_expiry_month', "Your card's expiration month is invalid.", 'exp_month');
  const isPast =
    fullYear < today.getUTCFullYear() || (fullYear === today.getUTCFullYear() && month < today.getUTCMonth() + 1);
  if (isPast || fullYear > today.getUTCFullYear() + 50)
    throw cardRefusal('invalid_expiry_year', "Your card's expiration year is invalid.", 'exp_year');
  if (cvc !== undefined && !/^\d{3,4}$/.test(cvc))
    throw cardRefusal('invalid_cvc', "Your card's security code is invalid.", 'cvc');
  const behaviour = behaviourByNumber(digits);
  if (behaviour?.type !== 'card') throw cardError(DECLINES.notATestCard);
  return { behaviour, expiry: { month, year: fullYear }, hasCvc: cvc !== undefined };
};

/** Reads the number of a bank account or an IBAN; only the documented test ones exist. */
export const readBank = (
  number: string | undefined,
  type: 'us_bank_account' | 'sepa_debit',
  param: string,
): Behaviour => {
  const behaviour = number === undefined ? undefined : behaviourByNumber(number);
  if (number === undefined)
    throw invalidRequest(`Missing required param: ${param}.`, { code: 'parameter_missing', param });
  if (behaviour?.type !== type) throw leftOut(`accounts other than the documented test ones (${number})`, param);
  return behaviour;
};

/** Attaches; throws the card error of cards that can't be attached (Stripe: "Attach a PaymentMethod"). Repeating it changes nothing. */
export const attach = (scope: Scope, method: PaymentMethod, customer: string): PaymentMethod => {
  if (method.customer === customer) return method;
  if (method.customer !== null)
    throw invalidRequest('The payment method you provided has already been attached to a customer.', {
      code: 'payment_method_unexpected_state',
    });
  const instrument = scope.get(instruments, method.id);
  if (instrument.isSpent)
    throw invalidRequest(
      'This PaymentMethod was previously used without being attached to a Customer or was detached from a Customer, and may not be used again.',
    );
  const { attachDecline } = behaviourOf(scope, method);
  if (attachDecline) throw cardError(attachDecline);
  if (method.card) method.card.checks.cvc_check = 'pass';
  method.customer = customer;
  scope.save(paymentMethods, method);
  scope.emit('payment_method.attached', method);
  return method;
};

/** Detaches; it can't be used again (Stripe: "Detach a PaymentMethod"). */
export const detach = (scope: Scope, method: PaymentMethod, isSilent = false): PaymentMethod => {
  if (method.customer === null)
    throw invalidRequest('The payment method you provided is not attached to a customer so detachment is impossible.', {
      param: 'payment_method',
    });
  const before = structuredClone(method);
  method.customer = null;
  scope.save(paymentMethods, method);
  const instrument = scope.get(instruments, method.id);
  instrument.isSpent = true;
  scope.save(instruments, instrument);
  if (!isSilent) scope.emit('payment_method.detached', method, before);
  return method;
};
