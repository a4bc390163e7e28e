import {
  anything,
  boolean,
  clearable,
  expandParam,
  hash,
  listOf,
  metadata,
  oneOf,
  required,
  text,
  unsupported,
  type Values,
} from '../params.js';
import { methodType } from '../payment-method-types.js';
import { paymentMethodData } from './payment-method-routes.js';

export const shared = {
  allowed_payment_method_types: listOf(methodType),
  payment_method: text,
  payment_method_data: paymentMethodData,
  payment_method_options: anything,
  ...expandParam,
} as const;
export const attributes = {
  attach_to_self: unsupported('attach_to_self'),
  customer: text,
  customer_account: unsupported('customer accounts'),
  description: clearable(text),
  excluded_payment_method_types: unsupported('excluded payment method types of set-ups'),
  flow_directions: unsupported('flow directions'),
  metadata,
  payment_method_configuration: text,
} as const;
export const confirmation = {
  confirmation_token: unsupported('confirmation tokens'),
  mandate_data: anything,
  return_url: text,
  use_stripe_sdk: boolean,
} as const;
/** The parameters of `POST /v1/setup_intents`. */
export const createParams = {
  ...shared,
  ...attributes,
  ...confirmation,
  automatic_payment_methods: hash({ enabled: required(boolean), allow_redirects: oneOf('always', 'never') }),
  confirm: boolean,
  on_behalf_of: unsupported('Connect'),
  single_use: unsupported('single-use mandates'),
  usage: oneOf('off_session', 'on_session'),
} as const;
export type SetupValues = Values<typeof createParams>;
export type MethodValues = Values<typeof shared>;
