import type { GraphQLSchema } from 'graphql';
import type { DataSource } from 'typeorm';
import type { ExportList } from '../core/list-export.js';
import type { FlowRefunds } from '../flows/flow-refunds.js';
import type { Flows } from '../flows/flows.js';
import type { Builder, Once } from '../graphql/builder.js';
import type { NounDomain } from '../graphql/context.js';
import type { NodeKind } from '../graphql/node.js';
import type { StripeIds } from '../inbox/event-reads.js';
import type { EventHandler } from '../inbox/handler.js';
import type { Job } from '../inbox/jobs.js';
import type { OpenRows } from '../inbox/open-rows.js';
import type { Vault } from '../installation/encryption.js';
import type { OpenIn } from '../installation/open-rows.js';
import type { Redirects } from '../installation/redirects.js';
import type { StripeConnection } from '../installation/stripe-connection.js';
import type { Orders } from '../orders/orders.js';
import type { Outbox } from '../outbox/outbox.js';
import type { PubSub } from '../outbox/pubsub.js';
import type { Entities } from '../storage/data-source.js';
import type { Database } from '../storage/database.js';
import type { Marks } from '../stripe/marks.js';

/** What the installation decides about single nouns; each noun adds its own. */
// biome-ignore lint/suspicious/noEmptyInterface: nouns add to it
export interface NounSettings {}

/** What every noun is built of. */
export interface Machine {
  readonly database: Database;
  readonly source: DataSource;
  readonly marks: Marks;
  readonly orders: Orders;
  readonly connection: StripeConnection;
  readonly redirects: Redirects;
  readonly flows: Flows;
  /** How the callbacks among the flows refund. */
  readonly flowRefunds: FlowRefunds;
  readonly outbox: Outbox;
  readonly pubsub: PubSub;
  readonly settings: NounSettings;
  /** Seals what an operator stores. */
  readonly vault: Vault;
  /** All nouns' types; known once all are built. */
  readonly schema: () => GraphQLSchema;
  /** Nothing is written, and nothing is changed at Stripe. */
  readonly rehearses: boolean;
  readonly log: { info(detail: object, message?: string): void; warn(detail: object, message?: string): void };
  onStop(step: () => Promise<unknown>): void;
  /** The parts of a noun that stands before this one in the list. */
  use<Parts>(noun: Noun<Parts>): Parts;
}

/** What a noun gives the machinery once it is built. */
export interface Built<Parts = unknown> {
  /** What later nouns use. */
  readonly parts: Parts;
  /** Who applies its events: each of the noun's `eventTypes` has one. */
  readonly handlers?: readonly (readonly [types: readonly string[], handler: EventHandler])[];
  /** Which of its rows reconciliation asks Stripe about. */
  readonly openRows?: readonly OpenRows[];
  /** What its GraphQL fields call. */
  readonly domain?: Partial<Omit<NounDomain, 'live'>>;
  /** Its live streams. */
  readonly live?: Partial<NounDomain['live']>;
  /** Its lists that are handed out as files. */
  readonly exports?: readonly ExportList[];
  /** What it does by itself. */
  readonly jobs?: readonly Job[];
}

/** A noun, declared: all that the machinery knows of it. */
export interface Noun<Parts = unknown> {
  readonly name: string;
  /** Its tables. */
  readonly entities: Entities;
  /** Where its open rows stand; none for a noun that waits for nothing. */
  readonly open?: OpenIn;
  /** Where its rows keep the ids of Stripe's objects, by which their events are found. */
  readonly stripeIds?: StripeIds;
  /** The types of Stripe's events that lead to it: the webhook endpoint is registered for those of all nouns. */
  readonly eventTypes: readonly string[];
  /** Defines its types and fields. */
  readonly define?: (builder: Builder, once: Once) => void;
  /** How `node` finds its rows. */
  readonly node?: NodeKind;
  build(machine: Machine): Built<Parts>;
}
