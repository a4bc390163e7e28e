import SchemaBuilder from '@pothos/core';
import type { Caller } from '../core/caller.js';
import type { MinorUnits } from '../core/money.js';
import type { Problem } from '../doctor/problems.js';
import type { InboxEvent } from '../inbox/event-reads.js';
import type { PaymentSettings } from '../installation/settings.js';
import type { PayAnswer } from '../nouns/payments/payments.js';
import type { Payment } from '../nouns/payments/row.js';
import type { RecurringPayment } from '../nouns/recurring/row.js';
import type { Refund } from '../nouns/refunds/row.js';
import type { Change } from '../outbox/change.js';
import type { OrderBinding } from '../storage/order-binding.js';
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
