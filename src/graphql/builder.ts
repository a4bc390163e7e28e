import SchemaBuilder from '@pothos/core';
import type { Caller } from '../core/caller.js';
import type { MinorUnits } from '../core/money.js';
import type { PayAnswer } from '../payments/payments.js';
import type { Problem } from '../payments/problems.js';
import type { PaymentSettings } from '../payments/settings.js';
import type { Change } from '../storage/change.js';
import type { OrderBinding } from '../storage/order-binding.js';
import type { Payment } from '../storage/payment.js';
import type { RecurringPayment } from '../storage/recurring-payment.js';
import type { Refund } from '../storage/refund.js';
import type { InboxEvent } from '../webhooks/event-reads.js';
import type { Context } from './context.js';
import type { Connection, PageInfo } from './page.js';
import './permission.js';
import './plan-gate.js';
import './text.js';

/** The rows behind the schema's types, and what resolvers get. */
export interface Types {
  Context: Context;
  Scalars: {
    ID: { Input: string; Output: string };
    MinorUnits: { Input: MinorUnits; Output: MinorUnits };
    CurrencyCode: { Input: string; Output: string };
    /** Rows that came over pub/sub carry their times as text. */
    DateTime: { Input: Date; Output: Date | string };
    JSON: { Input: unknown; Output: unknown };
  };
  Interfaces: { Node: { readonly id: string } };
  Objects: {
    OrderTableBinding: OrderBinding;
    PageInfo: PageInfo;
    Payment: Payment;
    PaymentConnection: Connection<Payment>;
    PayPayload: PayAnswer;
    PaymentSettings: PaymentSettings;
    Problem: Problem;
    SetPlanPayload: { readonly settings: PaymentSettings; readonly liveRecurringPayments: number };
    SettingsPayload: { readonly settings: PaymentSettings };
    RecurringPayment: RecurringPayment;
    Refund: Refund;
    TimelineEntry: Change;
    Viewer: Caller;
    WebhookEvent: InboxEvent;
  };
}

/** An empty builder; the files of each noun define their types on it. A field asks for the permission first, then for the plan, then looks at texts. */
export const createBuilder = () =>
  new SchemaBuilder<Types>({ plugins: ['requiresPermission', 'planGate', 'storableText'] });

/** What a noun's `define…` function gets. */
export type Builder = ReturnType<typeof createBuilder>;
