import SchemaBuilder from '@pothos/core';
import type { Caller } from '../core/caller.js';
import type { MinorUnits } from '../core/money.js';
import type { EffectEntry } from '../flows/effect-jobs.js';
import type { InboxEvent } from '../inbox/event-reads.js';
import type { AuditEntry } from '../installation/audit-log.js';
import type { Problem } from '../installation/problems.js';
import type { GivenRoles } from '../installation/role-management.js';
import type { PaymentSettings } from '../installation/settings.js';
import type { Change } from '../outbox/change.js';
import type { OrderBinding } from '../storage/order-binding.js';
import type { Context } from './context.js';
import type { PageInfo } from './page.js';
import './permission.js';
import './plan-gate.js';
import './text.js';

/** The rows behind the schema's object types; each noun adds its own. */
export interface ObjectTypes {
  Account: GivenRoles;
  AuditEntry: AuditEntry;
  Effect: EffectEntry;
  OrderTableBinding: OrderBinding;
  PageInfo: PageInfo;
  PaymentSettings: PaymentSettings;
  Problem: Problem;
  SetPlanPayload: { readonly settings: PaymentSettings; readonly liveRecurringPayments: number };
  SettingsPayload: { readonly settings: PaymentSettings };
  TimelineEntry: Change;
  Viewer: Caller;
  WebhookEvent: InboxEvent;
}

/** What resolvers get and give. */
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
  Objects: ObjectTypes;
}

/** An empty builder; the files of each noun define their types on it. A field asks for the permission first, then for the plan, then looks at texts. */
export const createBuilder = () =>
  new SchemaBuilder<Types>({ plugins: ['requiresPermission', 'planGate', 'storableText'] });

/** What a noun's `define…` function gets. */
export type Builder = ReturnType<typeof createBuilder>;

/** Gives what `define` gave on this builder before, or calls it: for types that several nouns share. */
export type Once = <T>(define: (builder: Builder) => T) => T;
