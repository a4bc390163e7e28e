import { billingResources } from './billing-catalogue.js';
import { deliveryRows } from './deliveries.js';
import { keptAnswers } from './idempotency.js';
import type { Kind, StripeObject } from './kind.js';
import type { Resource } from './resource.js';
import { accountResource } from './resources/account.js';
import { balanceTransactionResource } from './resources/balance-transaction.js';
import { chargeResource } from './resources/charge.js';
import { customerResource } from './resources/customer.js';
import { disputeResource } from './resources/dispute.js';
import { eventResource } from './resources/event.js';
import { paymentIntentResource } from './resources/payment-intent.js';
import { paymentMethodResource } from './resources/payment-method-routes.js';
import { refundResource } from './resources/refund.js';
import { setupAttemptResource } from './resources/setup-attempt.js';
import { setupIntentResource } from './resources/setup-intent.js';
import { webhookEndpointResource } from './resources/webhook-endpoint.js';
import { taskRows } from './tasks.js';

/** Everything the sandbox's API has; `Resource` tells how to add to it. */
export const resources: readonly Resource[] = [
  accountResource,
  balanceTransactionResource,
  chargeResource,
  customerResource,
  disputeResource,
  eventResource,
  paymentIntentResource,
  paymentMethodResource,
  refundResource,
  setupAttemptResource,
  setupIntentResource,
  webhookEndpointResource,
  ...billingResources,
];

/** The kinds of all rows by table. */
export const kindsByTable: ReadonlyMap<string, Kind<StripeObject>> = new Map(
  [...resources.flatMap(({ kinds }) => kinds), deliveryRows, keptAnswers, taskRows].map((kind) => [kind.table, kind]),
);
