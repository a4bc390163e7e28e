import type { Resource } from './resource.js';
import { billingPortalResource } from './resources/billing-portal.js';
import { checkoutSessionResource } from './resources/checkout-session.js';
import { customerBalanceResource } from './resources/customer-balance.js';
import { invoiceResource } from './resources/invoice.js';
import { invoiceItemResource } from './resources/invoice-item.js';
import { invoicePaymentResource } from './resources/invoice-payment.js';
import { invoicePreviewResource } from './resources/invoice-preview.js';
import { leftOutResource } from './resources/left-out.js';
import { priceResource } from './resources/price.js';
import { productResource } from './resources/product.js';
import { scheduleResource } from './resources/schedule.js';
import { subscriptionResource } from './resources/subscription.js';

/** Billing: invoices react to payments first, then subscriptions to invoices, then Checkout. */
export const billingResources: readonly Resource[] = [
  productResource,
  priceResource,
  invoiceItemResource,
  invoicePaymentResource,
  invoicePreviewResource,
  invoiceResource,
  subscriptionResource,
  scheduleResource,
  checkoutSessionResource,
  customerBalanceResource,
  billingPortalResource,
  leftOutResource,
];
