import { type Cache, cacheExchange } from '@urql/exchange-graphcache';
import { relayPagination } from '@urql/exchange-graphcache/extras';
import { Client, type Exchange, fetchExchange, type Operation, subscriptionExchange } from 'urql';
import { filter, makeSubject, merge, pipe, tap } from 'wonka';
import { GRAPHQL, token } from '../shop.ts';
import { createSocket } from '../socket.ts';
import { createVersions } from '../versions.ts';
import { ORDER, type Payment } from './documents.ts';

const versions = createVersions();
const socket = createSocket();

/** Keeps out of the cache what was overtaken: an older message of a stream is dropped, an older answer is asked for again. */
const newestOnly: Exchange =
  ({ forward }) =>
  (operations) => {
    const marks = new Map<number, number>();
    const again = makeSubject<Operation>();
    return pipe(
      merge([operations, again.source]),
      tap(({ key }) => marks.set(key, versions.mark())),
      forward,
      filter(({ operation, data }) => {
        if (operation.kind === 'mutation') return true;
        if (operation.kind === 'subscription') return versions.takesMessage(data);
        if (versions.takesAnswer(data, marks.get(operation.key) ?? 0)) return true;
        again.next(operation);
        return false;
      }),
    );
  };

/** Puts a payment on top of its order's list, if it is newer than all of it. What is listed already, the cache has changed by its id. */
const addNewer = (cache: Cache, node: Payment, orderId: string): void => {
  cache.updateQuery({ query: ORDER, variables: { orderId, after: null } }, (list) => {
    if (!list || Number(node.id) <= Number(list.payments.edges[0]?.node.id ?? 0)) return list;
    const edge = { __typename: 'PaymentEdge', node, cursor: '' };
    return { ...list, payments: { ...list.payments, edges: [edge, ...list.payments.edges] } };
  });
};

/** Parts of another object have no key of their own. */
const PART = () => null;

export const client = new Client({
  url: GRAPHQL,
  preferGetMethod: false,
  fetch: async (place, init) =>
    fetch(place, { ...init, headers: { ...init?.headers, authorization: `Bearer ${await token()}` } }),
  exchanges: [
    cacheExchange({
      keys: { PaymentConnection: PART, PaymentEdge: PART, PageInfo: PART, PayPayload: PART },
      resolvers: { Query: { payments: relayPagination() } },
      updates: {
        Subscription: {
          orderPaymentsUpdated: (told, { orderId }, cache) =>
            addNewer(cache, told['orderPaymentsUpdated'] as unknown as Payment, String(orderId)),
        },
      },
    }),
    newestOnly,
    fetchExchange,
    subscriptionExchange({
      forwardSubscription: ({ query = '', variables }) => ({
        subscribe: (sink) => ({
          unsubscribe: socket.subscribe(
            { query, variables: variables as Record<string, unknown> },
            { ...sink, next: (answer) => sink.next(answer as Parameters<typeof sink.next>[0]) },
          ),
        }),
      }),
    }),
  ],
});
