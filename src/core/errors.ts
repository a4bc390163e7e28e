/** An error in words; a connection that no address of a name took fails with an error per address. */
export const wordsOf = (error: unknown): string => {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(wordsOf).join('\n');
  return error instanceof Error ? error.message : String(error);
};

/** Every `extensions.code` a client may meet. Codes are stable; clients must tolerate new ones. */
export const ERROR_CODES = [
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'NOT_FOUND',
  'BAD_USER_INPUT',
  'RATE_LIMITED',
  'QUERY_TOO_COMPLEX',
  'DOCUMENT_NOT_FOUND',
  'DOCUMENT_MISMATCH',
  'DOCUMENT_NOT_LISTED',
  'PERSISTED_QUERY_NOT_FOUND',
  'PERSISTED_QUERY_NOT_SUPPORTED',
  'INTERNAL',
  'FEATURE_INACTIVE',
  'NOT_CONFIGURED',
  'NOT_ACTIVATED',
  'ALREADY_ACTIVATED',
  'ORDER_NOT_FOUND',
  'ORDER_UNREADABLE',
  'ORDER_ALREADY_PAID',
  'AMOUNT_MISMATCH',
  'CURRENCY_MISMATCH',
  'AMOUNT_INVALID',
  'CURRENCY_UNSUPPORTED',
  'PAYMENT_IN_PROGRESS',
  'REDIRECT_NOT_ALLOWED',
  'PAYMENT_NOT_REFUNDABLE',
  'REFUND_EXCEEDS_PAYMENT',
  'PAYMENT_DISPUTED',
  'PAYMENT_METHOD_NOT_FOUND',
  'PAYMENT_NOT_QUARANTINED',
  'DECLINED_BY_APP',
  'PRICE_NOT_FOUND',
  'PRICE_UNSUPPORTED',
  'RECURRING_ALREADY_EXISTS',
  'RECURRING_NOT_CANCELABLE',
  'ILLEGAL_TRANSITION',
  'IDEMPOTENCY_CONFLICT',
  'CONSOLE_CODE_REFUSED',
  'STRIPE_DECLINED',
  'STRIPE_UNAVAILABLE',
  'UNAVAILABLE',
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

/**
 * A refusal that a client may see: `code` is stable, `message` says what to do and holds no secret,
 * the private detail stays in `cause` and goes to the log alone.
 */
export abstract class DomainError extends Error {
  abstract readonly code: ErrorCode;
  /** Further public fields of `extensions`, besides the code. */
  readonly extensions: Readonly<Record<string, string | number>> = {};

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The caller sent no valid token where one is needed; a new one helps. */
export class UnauthenticatedError extends DomainError {
  readonly code = 'UNAUTHENTICATED';
}

/** The caller's roles lack the permission that the field asks for. */
class ForbiddenError extends DomainError {
  readonly code = 'FORBIDDEN';
  override readonly extensions: Readonly<Record<string, string>>;
  constructor(permission: string) {
    super(`You need the permission ${permission} for this. Ask an operator to grant it to one of your roles.`);
    this.extensions = { permission };
  }
}

/** The refusal of a caller whose roles lack the permission: a token may help who sent none, an operator everyone else. */
export const denial = (caller: { readonly accountId: string | null }, permission: string): DomainError =>
  caller.accountId === null
    ? new UnauthenticatedError(
        `This needs the permission ${permission}, which nobody has without a token. Send "authorization: Bearer <token>".`,
      )
    : new ForbiddenError(permission);

/** The row does not exist, or belongs to someone else: the two are not told apart. */
export class NotFoundError extends DomainError {
  readonly code = 'NOT_FOUND';
  constructor(noun: string, id: string) {
    super(`There is no ${noun} ${id} that you may see.`);
  }
}

/** An argument has the wrong form; the message names it and what is expected. */
export class BadUserInputError extends DomainError {
  readonly code = 'BAD_USER_INPUT';
}

/** An argument holds a character that can't be stored; `field` in the extensions names it, as in `input.description`. */
export class UnstorableTextError extends DomainError {
  readonly code = 'BAD_USER_INPUT';
  override readonly extensions: Readonly<Record<string, string>>;
  constructor(field: string, fault: string) {
    super(`"${field}" holds ${fault}, which can't be stored. Leave it out.`);
    this.extensions = { field };
  }
}

/** The plan in force does not include payments (Pro or above does). */
export class FeatureInactiveError extends DomainError {
  readonly code = 'FEATURE_INACTIVE';
  constructor(plan: string) {
    super(`Payments need the plan PRO or above; the plan is ${plan}. An operator can change it with setPlan.`);
  }
}

/** Stripe's keys are missing; an operator sets them. */
export class NotConfiguredError extends DomainError {
  readonly code = 'NOT_CONFIGURED';
  constructor(what = 'Stripe keys are not set') {
    super(`${what}. An operator can set them with "tollgate configure".`);
  }
}

/** No order table is bound yet. */
export class NotActivatedError extends DomainError {
  readonly code = 'NOT_ACTIVATED';
  constructor() {
    super('No order table is bound yet. An operator binds one with "tollgate activate --order-table schema.table".');
  }
}

/** The one binding exists and can't be replaced. */
export class AlreadyActivatedError extends DomainError {
  readonly code = 'ALREADY_ACTIVATED';
  constructor(table: string, more = '') {
    super(`Payments are bound to ${table} for good; a binding can't be changed or removed.${more}`);
  }
}

/** The order does not exist, or belongs to someone else: the two are not told apart. */
export class OrderNotFoundError extends DomainError {
  readonly code = 'ORDER_NOT_FOUND';
  constructor(orderId: string) {
    super(`There is no order ${orderId} that you may pay for.`);
  }
}

/**
 * The row of an order can't be read or locked by the server's role: a policy hides it, or a right is missing. Nothing was done; an
 * event that needs it is tried again.
 */
export class OrderUnreadableError extends DomainError {
  readonly code = 'ORDER_UNREADABLE';
  /** @param what such as "Order 7" */
  constructor(what: string, options?: { cause?: unknown }) {
    super(
      `${what} can't be read or locked: the database keeps its row from the server's role. An operator finds the remedy with "tollgate doctor".`,
      options,
    );
  }
}

/** What was received for the order, less refunds, covers its amount already. */
export class OrderAlreadyPaidError extends DomainError {
  readonly code = 'ORDER_ALREADY_PAID';
  constructor(orderId: string) {
    super(`Order ${orderId} is paid already; nothing is left to pay.`);
  }
}

/** The amount is not what is due for the order; `due` in the extensions says what is, in minor units. */
export class AmountMismatchError extends DomainError {
  readonly code = 'AMOUNT_MISMATCH';
  override readonly extensions: Readonly<Record<string, number>>;
  constructor(message: string, due?: number) {
    super(message);
    this.extensions = due === undefined ? {} : { due };
  }
}

/** The currency is not the order's. */
export class CurrencyMismatchError extends DomainError {
  readonly code = 'CURRENCY_MISMATCH';
}

/** Stripe could not charge this amount in this currency: too small, too large, or not a multiple it takes. */
export class AmountInvalidError extends DomainError {
  readonly code = 'AMOUNT_INVALID';
}

/** Stripe has no such currency. */
export class CurrencyUnsupportedError extends DomainError {
  readonly code = 'CURRENCY_UNSUPPORTED';
  constructor(currency: string) {
    super(`Stripe can't charge in "${currency}". Use an ISO 4217 code that it supports, such as USD, EUR or JPY.`);
  }
}

/** Another attempt for the order is under way and can't be replaced now; `paymentId` names the one that the caller may continue. */
export class PaymentInProgressError extends DomainError {
  readonly code = 'PAYMENT_IN_PROGRESS';
  override readonly extensions: Readonly<Record<string, string>>;
  constructor(message: string, paymentId?: string) {
    super(message);
    this.extensions = paymentId === undefined ? {} : { paymentId };
  }
}

/** The return address's origin is not in REDIRECT_ORIGINS. */
export class RedirectNotAllowedError extends DomainError {
  readonly code = 'REDIRECT_NOT_ALLOWED';
}

/** Stripe has no such price for these keys. */
export class PriceNotFoundError extends DomainError {
  readonly code = 'PRICE_NOT_FOUND';
  constructor(priceId: string) {
    super(`Stripe has no price "${priceId}" in this mode. Use the id of a recurring price, such as price_1Abc.`);
  }
}

/** The price isn't a recurring, active one of a plain unit amount. */
export class PriceUnsupportedError extends DomainError {
  readonly code = 'PRICE_UNSUPPORTED';
  constructor(priceId: string, why: string) {
    super(`The price "${priceId}" can't be used: ${why}.`);
  }
}

/** The order has a recurring payment that lives, for something else. */
export class RecurringAlreadyExistsError extends DomainError {
  readonly code = 'RECURRING_ALREADY_EXISTS';
  constructor(orderId: string) {
    super(`Order ${orderId} has a recurring payment already; cancel that one before you start another payment for it.`);
  }
}

/** The recurring payment has ended. */
export class RecurringNotCancelableError extends DomainError {
  readonly code = 'RECURRING_NOT_CANCELABLE';
  constructor(id: string, status: string) {
    super(`Recurring payment ${id} is ${status}: it has ended and nothing is left to cancel.`);
  }
}

/** The app's own code said no before the payment; `reason` in the extensions is its code. */
export class DeclinedByAppError extends DomainError {
  readonly code = 'DECLINED_BY_APP';
  override readonly extensions: Readonly<Record<string, string>>;
  constructor(reason: string, message: string) {
    super(message);
    this.extensions = { reason };
  }
}

/** The row's status does not allow the action. */
export class IllegalTransitionError extends DomainError {
  readonly code = 'ILLEGAL_TRANSITION';
}

/** The payment is not SUCCESSFUL, or can't be reached with the keys that are set. */
export class PaymentNotRefundableError extends DomainError {
  readonly code = 'PAYMENT_NOT_REFUNDABLE';
}

/** Nothing of the payment waits for a decision: it isn't QUARANTINED, or all of its money was sent back. */
export class PaymentNotQuarantinedError extends DomainError {
  readonly code = 'PAYMENT_NOT_QUARANTINED';
}

/** More than is left of the payment; `refundable` in the extensions says what is, in minor units. */
export class RefundExceedsPaymentError extends DomainError {
  readonly code = 'REFUND_EXCEEDS_PAYMENT';
  override readonly extensions: Readonly<Record<string, number>>;
  constructor(message: string, refundable: number) {
    super(message);
    this.extensions = { refundable };
  }
}

/** The customer's bank took the payment back, and Stripe doesn't let it be refunded. */
export class PaymentDisputedError extends DomainError {
  readonly code = 'PAYMENT_DISPUTED';
  constructor(paymentId: string, options?: { cause?: unknown }) {
    super(
      `Payment ${paymentId} is disputed: the customer's bank holds its money, so it can't be refunded. Answer the dispute instead.`,
      options,
    );
  }
}

/** The saved method does not exist, was removed, or belongs to another account: the three are not told apart. */
export class PaymentMethodNotFoundError extends DomainError {
  readonly code = 'PAYMENT_METHOD_NOT_FOUND';
  constructor(id: string) {
    super(`There is no saved payment method ${id} for this. Read savedPaymentMethods, and use an id from there.`);
  }
}

/** The key was used before, with other arguments. */
export class IdempotencyConflictError extends DomainError {
  readonly code = 'IDEMPOTENCY_CONFLICT';
  constructor(key: string) {
    super(`The idempotency key "${key}" was used before with other arguments. Use a new key for a new request.`);
  }
}

/** A code of "tollgate console" that was used, has run out, or never was; which of them is nobody's business. */
export class ConsoleCodeError extends DomainError {
  readonly code = 'CONSOLE_CODE_REFUSED';
  constructor() {
    super('This sign-in code is not valid: it works once, for a few minutes. Run "tollgate console" for a new one.');
  }
}

/** Stripe refused the card or the request for good; `paymentId` names the payment that its customer may still continue. */
export class StripeDeclinedError extends DomainError {
  readonly code = 'STRIPE_DECLINED';
  override readonly extensions: Readonly<Record<string, string>>;
  constructor(
    message: string,
    declineCode: string | undefined,
    options?: { readonly cause?: unknown; readonly paymentId?: string },
  ) {
    super(message, options);
    this.extensions = {
      ...(declineCode !== undefined && { declineCode }),
      ...(options?.paymentId !== undefined && { paymentId: options.paymentId }),
    };
  }
}

/** Stripe can't be reached, is slow, or answered something that isn't an answer. Nothing was lost; the same call may be repeated. */
export class StripeUnavailableError extends DomainError {
  readonly code = 'STRIPE_UNAVAILABLE';
  constructor(options?: { cause?: unknown }) {
    super('Stripe did not answer as expected. Nothing is lost: try again in a moment.', options);
  }
}

/** The server can't do it now, because it, its database, or the order that is asked for is busy. Nothing was done; the same call may be repeated. */
export class UnavailableError extends DomainError {
  readonly code = 'UNAVAILABLE';
  override readonly extensions: Readonly<Record<string, number>>;
  constructor(
    readonly retryAfterSeconds: number,
    options?: { cause?: unknown; message?: string },
  ) {
    super(
      options?.message ?? `The server is busy. Nothing is lost: try again in ${retryAfterSeconds} seconds.`,
      options,
    );
    this.extensions = { retryAfterSeconds };
  }
}

/** The database can't be reached. What was under way when it went may have been done: the same idempotency key finds out. */
export class DatabaseDownError extends UnavailableError {
  constructor(retryAfterSeconds: number, options?: { cause?: unknown }) {
    const message = `The database can't be reached now: try again in ${retryAfterSeconds} seconds. Repeat what changes something with the same idempotency key, since it may have been done.`;
    super(retryAfterSeconds, { ...options, message });
  }
}
