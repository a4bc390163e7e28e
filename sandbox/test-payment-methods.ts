import { DECLINES, type Decline } from './declines.js';

/**
 * What a test payment method does (Stripe: "Testing", "Test payment methods", "ACH Direct Debit", "SEPA Direct Debit").
 * Amounts of time run on the sandbox's clock.
 */
export interface Behaviour {
  readonly name: string;
  readonly type: 'card' | 'us_bank_account' | 'sepa_debit';
  /** Card number, account number or IBAN. */
  readonly number: string;
  readonly brand: string;
  readonly funding: 'credit' | 'debit' | 'prepaid';
  readonly country: string;
  /** Why a charge is declined; it succeeds without one. */
  readonly decline?: Decline;
  /** Why it can't be attached to a customer. */
  readonly attachDecline?: Decline;
  /** `always`: on every on-session payment, and off session it is declined; `untilSetUp`: not after a set-up; `optional`: only if asked for. */
  readonly authentication: 'none' | 'always' | 'untilSetUp' | 'optional';
  /** Bank debits: they are processing first; seconds until they end. */
  readonly settlesAfterSeconds?: number;
  readonly neverSettles?: boolean;
  readonly refund?: 'pending' | 'fails';
  readonly dispute?: { readonly reason: string; readonly isInquiry: boolean };
}

/** How long delayed methods, pending refunds and failing refunds take on the sandbox's clock. */
export const SETTLE_SECONDS = 180;

type Extras = Partial<Omit<Behaviour, 'name' | 'type' | 'number'>>;
const card = (name: string, number: string, extras: Extras = {}): Behaviour => ({
  name,
  type: 'card',
  number,
  brand: 'visa',
  funding: 'credit',
  country: 'US',
  authentication: 'none',
  ...extras,
});
/** Refused by the bank at once, on a charge and on attaching. */
const refused = (name: string, number: string, decline: Decline): Behaviour =>
  card(name, number, { decline, attachDecline: decline });
const bank = (name: string, number: string, extras: Extras = {}): Behaviour => ({
  ...card(name, number, { brand: '', settlesAfterSeconds: SETTLE_SECONDS, ...extras }),
  type: 'us_bank_account',
});
const sepa = (name: string, number: string, extras: Extras = {}): Behaviour => ({
  ...card(name, number, { brand: '', country: number.slice(0, 2), settlesAfterSeconds: SETTLE_SECONDS, ...extras }),
  type: 'sepa_debit',
});

const BEHAVIOURS: readonly Behaviour[] = [
  card('pm_card_visa', '4242424242424242'),
  card('pm_card_visa_debit', '4000056655665556', { funding: 'debit' }),
  card('pm_card_mastercard', '5555555555554444', { brand: 'mastercard' }),
  card('pm_card_mastercard_debit', '5200828282828210', { brand: 'mastercard', funding: 'debit' }),
  card('pm_card_mastercard_prepaid', '5105105105105100', { brand: 'mastercard', funding: 'prepaid' }),
  card('pm_card_amex', '378282246310005', { brand: 'amex' }),
  card('pm_card_discover', '6011111111111117', { brand: 'discover' }),
  card('pm_card_diners', '3056930009020004', { brand: 'diners' }),
  card('pm_card_jcb', '3566002020360505', { brand: 'jcb' }),
  card('pm_card_unionpay', '6200000000000005', { brand: 'unionpay' }),
  card('pm_card_gb', '4000008260000000', { country: 'GB' }),
  card('pm_card_de', '4000002760000016', { country: 'DE' }),
  card('pm_card_fr', '4000002500000003', { country: 'FR' }),
  card('pm_card_jp', '4000003920000003', { country: 'JP' }),
  card('pm_card_bypassPending', '4000000000000077'),
  refused('pm_card_visa_chargeDeclined', '4000000000000002', DECLINES.generic),
  refused('pm_card_visa_chargeDeclinedInsufficientFunds', '4000000000009995', DECLINES.insufficientFunds),
  refused('pm_card_visa_chargeDeclinedLostCard', '4000000000009987', DECLINES.lostCard),
  refused('pm_card_visa_chargeDeclinedStolenCard', '4000000000009979', DECLINES.stolenCard),
  refused('pm_card_visa_chargeDeclinedVelocityLimitExceeded', '4000000000006975', DECLINES.velocity),
  refused('pm_card_chargeDeclinedExpiredCard', '4000000000000069', DECLINES.expiredCard),
  refused('pm_card_chargeDeclinedIncorrectCvc', '4000000000000127', DECLINES.incorrectCvc),
  refused('pm_card_chargeDeclinedProcessingError', '4000000000000119', DECLINES.processingError),
  card('pm_card_radarBlock', '4100000000000019', { decline: DECLINES.fraudulent }),
  card('pm_card_riskLevelHighest', '4000000000004954', { decline: DECLINES.fraudulent }),
  card('pm_card_chargeCustomerFail', '4000000000000341', { decline: DECLINES.generic }),
  card('pm_card_authenticationRequired', '4000002760003184', { authentication: 'always', country: 'DE' }),
  card('pm_card_authenticationRequiredOnSetup', '4000002500003155', { authentication: 'untilSetUp', country: 'FR' }),
  card('pm_card_authenticationRequiredSetupForOffSession', '4000003800000446', {
    authentication: 'untilSetUp',
    country: 'IT',
  }),
  card('pm_card_authenticationRequiredChargeDeclinedInsufficientFunds', '4000008260003178', {
    authentication: 'always',
    decline: DECLINES.insufficientFunds,
    country: 'GB',
  }),
  card('pm_card_threeDSecure2Required', '4000000000003220', { authentication: 'always' }),
  card('pm_card_threeDSecureRequired', '4000000000003063', { authentication: 'always' }),
  card('pm_card_threeDSecureOptional', '4000000000003055', { authentication: 'optional' }),
  card('pm_card_threeDSecureRequiredChargeDeclined', '4000008400001629', {
    authentication: 'always',
    decline: DECLINES.generic,
  }),
  card('pm_card_threeDSecureRequiredProcessingError', '4000008400001280', {
    authentication: 'always',
    decline: DECLINES.processingError,
  }),
  card('pm_card_createDispute', '4000000000000259', { dispute: { reason: 'fraudulent', isInquiry: false } }),
  card('pm_card_createDisputeProductNotReceived', '4000000000002685', {
    dispute: { reason: 'product_not_received', isInquiry: false },
  }),
  card('pm_card_createDisputeInquiry', '4000000000001976', { dispute: { reason: 'fraudulent', isInquiry: true } }),
  card('pm_card_pendingRefund', '4000000000007726', { refund: 'pending' }),
  card('pm_card_refundFail', '4000000000005126', { refund: 'fails' }),
  bank('pm_usBankAccount_success', '000123456789'),
  bank('pm_usBankAccount_accountClosed', '000111111113', { decline: DECLINES.accountClosed }),
  bank('pm_usBankAccount_noAccount', '000111111116', { decline: DECLINES.noAccount }),
  bank('pm_usBankAccount_insufficientFunds', '000222222227', { decline: DECLINES.bankInsufficientFunds }),
  bank('pm_usBankAccount_debitNotAuthorized', '000333333335', { decline: DECLINES.debitNotAuthorized }),
  bank('pm_usBankAccount_dispute', '000555555559', { dispute: { reason: 'debit_not_authorized', isInquiry: false } }),
  bank('pm_usBankAccount_processing', '000000000009', { neverSettles: true }),
  sepa('pm_success_de', 'DE89370400440532013000'),
  sepa('pm_successDelayed_de', 'DE08370400440532013003'),
  sepa('pm_failed_de', 'DE62370400440532013001', { decline: DECLINES.bankDeclined }),
  sepa('pm_failedDelayed_de', 'DE78370400440532013004', { decline: DECLINES.bankDeclined }),
  sepa('pm_success_at', 'AT611904300234573201'),
  sepa('pm_successDelayed_at', 'AT321904300235473204'),
  sepa('pm_failed_at', 'AT861904300235473202', { decline: DECLINES.bankDeclined }),
  sepa('pm_failedDelayed_at', 'AT051904300235473205', { decline: DECLINES.bankDeclined }),
];

/** Stripe has several names for some of them; both spellings are taken. */
const ALIASES: Readonly<Record<string, string>> = {
  pm_card_us: 'pm_card_visa',
  pm_card_chargeDeclined: 'pm_card_visa_chargeDeclined',
  pm_card_chargeDeclinedInsufficientFunds: 'pm_card_visa_chargeDeclinedInsufficientFunds',
  pm_card_chargeDeclinedLostCard: 'pm_card_visa_chargeDeclinedLostCard',
  pm_card_chargeDeclinedStolenCard: 'pm_card_visa_chargeDeclinedStolenCard',
  pm_card_chargeDeclinedVelocityLimitExceeded: 'pm_card_visa_chargeDeclinedVelocityLimitExceeded',
  pm_card_visa_chargeDeclinedExpiredCard: 'pm_card_chargeDeclinedExpiredCard',
  pm_card_visa_chargeDeclinedIncorrectCvc: 'pm_card_chargeDeclinedIncorrectCvc',
  pm_card_visa_chargeDeclinedProcessingError: 'pm_card_chargeDeclinedProcessingError',
  pm_usBankAccount: 'pm_usBankAccount_success',
  pm_sepaDebit: 'pm_success_de',
};

const BY_NAME: ReadonlyMap<string, Behaviour> = new Map(BEHAVIOURS.map((behaviour) => [behaviour.name, behaviour]));
const BY_NUMBER: ReadonlyMap<string, Behaviour> = new Map(BEHAVIOURS.map((behaviour) => [behaviour.number, behaviour]));

/** The test payment method of this name (`pm_card_visa`) or token (`tok_visa`). */
export const behaviourByName = (name: string): Behaviour | undefined => {
  const wanted = name.startsWith('tok_') ? `pm_card_${name.slice(4)}` : name;
  return BY_NAME.get(ALIASES[wanted] ?? wanted);
};

/** The test payment method with this card number, account number or IBAN; blanks and dashes don't count. */
export const behaviourByNumber = (number: string): Behaviour | undefined =>
  BY_NUMBER.get(number.replaceAll(/[\s-]/g, ''));
