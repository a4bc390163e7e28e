import { presentRow } from '../../graphql/present.js';
import type { Built, Machine, Noun } from '../noun.js';
import { createDeliveries } from './deliver.js';
import { defineOutgoing } from './graphql.js';
import { createOrderPaid } from './order-paid.js';
import { createPayloads } from './payload.js';
import { OutgoingDelivery, OutgoingOrder, OutgoingWebhook } from './row.js';
import { createOutgoingWebhooks } from './webhooks.js';

declare module '../noun.js' {
  interface NounSettings {
    /** Hosts that may be told over plain HTTP and at private addresses. */
    readonly outgoingHosts: readonly string[];
  }
}

const build = ({ database, source, vault, orders, schema, settings, log, onStop }: Machine): Built => {
  const hosts = new Set(settings.outgoingHosts);
  const payloadOf = createPayloads(source, (typename, row) => presentRow(schema(), typename, row));
  const deliveries = createDeliveries({ database, vault, payloadOf, hosts, log });
  onStop(() => deliveries.stop());
  return {
    parts: undefined,
    domain: { outgoing: createOutgoingWebhooks({ database, orders, vault, hosts, deliveries, payloadOf }) },
    jobs: [
      { name: 'paid orders', run: createOrderPaid({ database, orders, log }) },
      { name: 'outgoing webhooks', run: () => deliveries.run() },
    ],
  };
};

/** Where else changes are told: every version of a row, once the transaction that wrote it has committed. */
export const outgoing: Noun = {
  name: 'outgoing',
  entities: [OutgoingWebhook, OutgoingDelivery, OutgoingOrder],
  eventTypes: [],
  define: defineOutgoing,
  build,
};
