// The package's front door: what `import … from 'tollgate-client'` gives.
export { TollgateError, toTollgateError } from './errors.js';
export type { Connection } from './live.js';
export type { Operation, Request } from './requests.js';
export { createTokens, type TokenSource, type Tokens } from './tokens.js';
export {
  createTollgate,
  type PayAnswer,
  type Payment,
  type RecurringAnswer,
  type RecurringPayment,
  type Refund,
  type SaveAnswer,
  type SavedPaymentMethod,
  type Tollgate,
} from './tollgate.js';
