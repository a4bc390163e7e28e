import { useState } from 'react';
import { formatMoney } from 'tollgate-client';
import { useClient, useMutation, useQuery, useSubscription } from 'urql';
import { Action } from '../action.tsx';
import { CARDS, confirmCard, PRICE } from '../shop.ts';
import { LIVE, ORDER, PAY } from './documents.ts';

export const Order = ({ orderId }: { orderId: string }) => {
  const client = useClient();
  const [after, setAfter] = useState<string | null>(null);
  const [{ data, error }] = useQuery({ query: ORDER, variables: { orderId, after } });
  const [, startPayment] = useMutation(PAY);
  useSubscription({ query: LIVE, variables: { orderId } });
  const pay = async (card: string): Promise<void> => {
    // One key for one press of the button.
    const input = { orderId, ...PRICE, idempotencyKey: crypto.randomUUID() };
    const answer = await startPayment({ input });
    if (answer.error) throw answer.error;
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
      {payments?.pageInfo.hasNextPage && <Action name="More" act={async () => setAfter(payments.pageInfo.endCursor)} />}
      <Action name="Pay" act={() => pay(CARDS.good)} />
      <Action name="Pay with a card that is declined" act={() => pay(CARDS.declined)} />
      <Action
        name="Read again"
        act={() => client.query(ORDER, { orderId, after: null }, { requestPolicy: 'network-only' }).toPromise()}
      />
    </>
  );
};
