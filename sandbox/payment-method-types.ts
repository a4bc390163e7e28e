import { oneOf, type Param, unsupported } from './params.js';

/** The payment methods that the sandbox has. */
export const METHOD_TYPES = ['card', 'us_bank_account', 'sepa_debit'] as const;
export type MethodType = (typeof METHOD_TYPES)[number];

/** Those that only Stripe has; the first have a hash of their own where a client describes a payment method (Stripe: "The PaymentMethod object": type). */
// biome-ignore format: a list
const DESCRIBED = [
  'acss_debit', 'affirm', 'afterpay_clearpay', 'alipay', 'alma', 'amazon_pay', 'au_becs_debit', 'bacs_debit',
  'bancontact', 'billie', 'bizum', 'blik', 'boleto', 'cashapp', 'crypto', 'custom', 'customer_balance', 'eps',
  'fpx', 'giropay', 'grabpay', 'ideal', 'interac_present', 'kakao_pay', 'klarna', 'konbini', 'kr_card', 'link',
  'mb_way', 'mobilepay', 'multibanco', 'naver_pay', 'nz_bank_account', 'oxxo', 'p24', 'pay_by_bank', 'payco',
  'paynow', 'paypal', 'paypay', 'payto', 'pix', 'promptpay', 'revolut_pay', 'samsung_pay', 'satispay',
  'scalapay', 'sequra', 'sofort', 'sunbit', 'swish', 'twint', 'upi', 'wechat_pay', 'zip',
] as const;
const NAMED_ONLY = `
  ach_credit_transfer ach_debit boku_promptpay capchase_pay card_present check_scan click_to_pay demo_pay duitnow
  dummy_auth_push dummy_passthrough_card edenred gcash getbalance gift_card gopay id_bank_transfer
  jp_credit_transfer knet kr_market kriya momo mondu netbanking ng_bank ng_bank_transfer ng_card ng_market
  ng_ussd ng_wallet octopus paper_check qris rechnung sepa_credit_transfer shop_pay shopeepay south_korea_market
  stripe_balance tamara test_pay touch_n_go truemoney us_cash_voucher vipps wero
`;
const OTHERS: readonly string[] = [...DESCRIBED, ...NAMED_ONLY.trim().split(/\s+/)];

const leftOutType = (type: string): Param<never> => unsupported(`payment methods of type '${type}'`);

/** A type of payment method: one that the sandbox has, one that it leaves out, or an error. */
export const methodType: Param<MethodType> = {
  parse: (value, path) => {
    const other = OTHERS.find((type) => type === value);
    return other === undefined ? oneOf(...METHOD_TYPES).parse(value, path) : leftOutType(other).parse(value, path);
  },
};

/** The hashes of the types that are left out, where a client describes a payment method. */
export const otherTypes = Object.fromEntries(DESCRIBED.map((type) => [type, leftOutType(type)])) as Readonly<
  Record<(typeof DESCRIBED)[number], Param<never>>
>;
