// `tollgate-client/react`: hooks, and the components that a page of one's own is made of.
export { TollgateCheckout, type TollgateCheckoutProps } from './checkout.js';
export {
  type Action,
  type Paying,
  useAction,
  useConnection,
  useDisputes,
  useOrderPayments,
  usePay,
  usePayment,
  useRecurringPayment,
  useRefunds,
  useSavedPaymentMethods,
  useStore,
  useTollgate,
} from './hooks.js';
export { AskingButton, ErrorText, Status } from './parts.js';
export { TollgateProvider, useSurroundings } from './provider.js';
export { RecurringCheckout, type RecurringCheckoutProps } from './recurring-checkout.js';
export type { Rows, Store } from './stores.js';
export type { Texts } from './texts.js';
export { ENGLISH } from './texts-en.js';
