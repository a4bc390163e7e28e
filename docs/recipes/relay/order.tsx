import { useMemo } from 'react';
import {
  graphql,
  useLazyLoadQuery,
  useMutation,
  usePaginationFragment,
  useRefetchableFragment,
  useSubscription,
} from 'react-relay';
import { ConnectionHandler, type RecordSourceSelectorProxy } from 'relay-runtime';
import { formatMoney } from 'tollgate-client';
import { Action } from '../action.tsx';
import { CARDS, type Confirming, confirmCard, PRICE } from '../shop.ts';
import type { order_list$key } from './__generated__/order_list.graphql.ts';
import type { order_row$key } from './__generated__/order_row.graphql.ts';
import type { orderLiveSubscription } from './__generated__/orderLiveSubscription.graphql.ts';
import type { orderPayMutation } from './__generated__/orderPayMutation.graphql.ts';
import type { orderQuery } from './__generated__/orderQuery.graphql.ts';

/** One payment, which may be read again by itself: payments, refunds, disputes and recurring payments are found by `node(id)`. */
const Row = ({ payment }: { payment: order_row$key }) => {
  const [row, refetch] = useRefetchableFragment(
    graphql`
      fragment order_row on Payment @refetchable(queryName: "orderRowQuery") {
        id
        version
        status
        amount
        currency
      }
    `,
    payment,
  );
  const read = () =>
    new Promise<void>((resolve, reject) => {
      const onComplete = (error: Error | null) => (error ? reject(error) : resolve());
      refetch({}, { fetchPolicy: 'store-and-network', onComplete });
    });
  if (!row) return null;
  return (
    <li>
      <span>
        {formatMoney(row.amount, row.currency)} {row.status}
      </span>{' '}
      <Action name="Read again" act={read} />
    </li>
  );
};

/** Puts a payment on top of its order's list, if it is newer than all of it. What is listed already, the store has changed by its id. */
const addNewer = (store: RecordSourceSelectorProxy, connectionId: string): void => {
  const list = store.get(connectionId);
  const payment = store.getRootField('orderPaymentsUpdated');
  const newest = list?.getLinkedRecords('edges')?.[0]?.getLinkedRecord('node');
  if (!list || !payment || Number(payment.getDataID()) <= Number(newest?.getDataID() ?? 0)) return;
  ConnectionHandler.insertEdgeBefore(list, ConnectionHandler.createEdge(store, list, payment, 'PaymentEdge'));
};

const List = ({ order, orderId }: { order: order_list$key; orderId: string }) => {
  const { data, hasNext, loadNext } = usePaginationFragment(
    graphql`
      fragment order_list on Query
      @argumentDefinitions(
        orderId: { type: "ID!" }
        count: { type: "Int", defaultValue: 2 }
        cursor: { type: "String" }
      )
      @refetchable(queryName: "orderListQuery") {
        payments(orderId: $orderId, first: $count, after: $cursor) @connection(key: "order_payments") {
          __id
          edges {
            node {
              id
              ...order_row
            }
          }
        }
      }
    `,
    order,
  );
  const { __id: connectionId, edges } = data.payments;
  useSubscription<orderLiveSubscription>(
    useMemo(
      () => ({
        subscription: graphql`
          subscription orderLiveSubscription($orderId: ID!) {
            orderPaymentsUpdated(orderId: $orderId) {
              id
              ...order_row
            }
          }
        `,
        variables: { orderId },
        updater: (store) => addNewer(store, connectionId),
      }),
      [orderId, connectionId],
    ),
  );
  return (
    <>
      {edges.length === 0 && <p>Nothing was paid yet.</p>}
      <ul aria-label="Payments">
        {edges.map(({ node }) => (
          <Row key={node.id} payment={node} />
        ))}
      </ul>
      {hasNext && <Action name="More" act={async () => loadNext(2)} />}
    </>
  );
};

export const Order = ({ orderId }: { orderId: string }) => {
  const order = useLazyLoadQuery<orderQuery>(
    graphql`
      query orderQuery($orderId: ID!) {
        ...order_list @arguments(orderId: $orderId)
      }
    `,
    { orderId },
  );
  // It asks for the payment's id alone: the stream tells the row, and an answer that was overtaken changes nothing.
  const [commit] = useMutation<orderPayMutation>(graphql`
    mutation orderPayMutation($input: PayInput!) {
      pay(input: $input) {
        payment {
          id
        }
        clientSecret
        publishableKey
      }
    }
  `);
  const pay = async (card: string): Promise<void> => {
    // One key for one press of the button.
    const input = { orderId, ...PRICE, idempotencyKey: crypto.randomUUID() };
    const answer = await new Promise<Confirming>((onCompleted, onError) =>
      commit({ variables: { input }, onCompleted: (data) => onCompleted(data.pay), onError }),
    );
    await confirmCard(answer, card);
  };
  return (
    <>
      <h1>Order {orderId}</h1>
      <List order={order} orderId={orderId} />
      <Action name="Pay" act={() => pay(CARDS.good)} />
      <Action name="Pay with a card that is declined" act={() => pay(CARDS.declined)} />
    </>
  );
};
