import { gql, type TypedDocumentNode } from '@apollo/client';
import { useApolloClient, useMutation, useQuery } from '@apollo/client/react';
import { useEffect } from 'react';
import { formatMoney } from 'tollgate-client';
import { Action } from '../action.tsx';
import { CARDS, type Confirming, confirmCard, PRICE } from '../shop.ts';

interface Payment {
  readonly id: string;
  readonly version: number;
  readonly status: string;
  readonly amount: number;
  readonly currency: string;
}

interface Edge {
  readonly node: Payment;
  readonly cursor: string;
}

interface Order {
  readonly payments: {
    readonly edges: readonly Edge[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  };
}

/** Ask for the id and the version wherever you ask for anything else of a row. */
const ROW = gql`
  fragment Row on Payment {
    id
    version
    status
    amount
    currency
  }
`;

const ORDER: TypedDocumentNode<Order, { orderId: string; after?: string | null }> = gql`
  query Order($orderId: ID!, $after: String) {
    payments(orderId: $orderId, first: 2, after: $after) {
      edges {
        cursor
        node {
          ...Row
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
  ${ROW}
`;

const LIVE: TypedDocumentNode<{ orderPaymentsUpdated: Payment }, { orderId: string }> = gql`
  subscription Live($orderId: ID!) {
    orderPaymentsUpdated(orderId: $orderId) {
      ...Row
    }
  }
  ${ROW}
`;

/** It asks for the payment's id alone: the stream tells the row, and an answer that was overtaken changes nothing. */
const PAY: TypedDocumentNode<{ pay: Confirming }, { input: object }> = gql`
  mutation Pay($input: PayInput!) {
    pay(input: $input) {
      payment {
        id
      }
      clientSecret
      publishableKey
    }
  }
`;

/** The list with a payment on top that is newer than all of it. What is listed already, the cache has changed by its id. */
const withNewer = <List extends Order>(list: List, node: Payment): List => {
  const { payments } = list;
  if (Number(node.id) <= Number(payments.edges[0]?.node.id ?? 0)) return list;
  const edge = { __typename: 'PaymentEdge', node, cursor: '' };
  return { ...list, payments: { ...payments, edges: [edge, ...payments.edges] } };
};

export const Order = ({ orderId }: { orderId: string }) => {
  const client = useApolloClient();
  const { data, error, fetchMore, subscribeToMore } = useQuery(ORDER, { variables: { orderId } });
  const [startPayment] = useMutation(PAY);
  useEffect(
    () =>
      subscribeToMore({
        document: LIVE,
        variables: { orderId },
        // Before the list is there, nothing is added to it: what was told meanwhile makes the client ask for the list again.
        updateQuery: (_, { subscriptionData, complete, previousData }) =>
          complete ? withNewer(previousData as Order, subscriptionData.data.orderPaymentsUpdated) : undefined,
      }),
    [subscribeToMore, orderId],
  );
  const pay = async (card: string): Promise<void> => {
    // One key for one press of the button.
    const input = { orderId, ...PRICE, idempotencyKey: crypto.randomUUID() };
    const answer = await startPayment({ variables: { input } });
    if (answer.data) await confirmCard(answer.data.pay, card);
  };
  const payments = data?.payments;
  return (
    <>
      <h1>Order {orderId}</h1>
      {error && <p role="alert">{error.message}</p>}
      {payments?.edges.length === 0 && <p>Nothing was paid yet.</p>}
      <ul aria-label="Payments">
        {payments?.edges.map(({ node }) => (
          <li key={node.id}>
            {formatMoney(node.amount, node.currency)} {node.status}
          </li>
        ))}
      </ul>
      {payments?.pageInfo.hasNextPage && (
        <Action name="More" act={() => fetchMore({ variables: { after: payments.pageInfo.endCursor } })} />
      )}
      <Action name="Pay" act={() => pay(CARDS.good)} />
      <Action name="Pay with a card that is declined" act={() => pay(CARDS.declined)} />
      {/* Not `refetch`, while which the hook shows nothing that streams tell. */}
      <Action
        name="Read again"
        act={() => client.query({ query: ORDER, variables: { orderId }, fetchPolicy: 'network-only' })}
      />
    </>
  );
};
