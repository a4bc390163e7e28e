import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client';
import { SetContextLink } from '@apollo/client/link/context';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { relayStylePagination } from '@apollo/client/utilities';
import { concatMap, EMPTY, type Observable, of } from 'rxjs';
import { GRAPHQL, token } from '../shop.ts';
import { createSocket } from '../socket.ts';
import { createVersions } from '../versions.ts';

const versions = createVersions();

/** Keeps out of the cache what was overtaken: an older message of a stream is dropped, an older answer is asked for again. */
const newestOnly = new ApolloLink((operation, forward) => {
  if (operation.operationType === 'mutation') return forward(operation);
  const send = (): Observable<ApolloLink.Result> => {
    const mark = versions.mark();
    return forward(operation).pipe(
      concatMap((result) => {
        if (operation.operationType === 'subscription') return versions.takesMessage(result.data) ? of(result) : EMPTY;
        return versions.takesAnswer(result.data, mark) ? of(result) : send();
      }),
    );
  };
  return send();
});

const authorized = new SetContextLink(async (previous) => ({
  headers: { ...previous['headers'], authorization: `Bearer ${await token()}` },
}));

export const client = new ApolloClient({
  link: newestOnly.split(
    ({ operationType }) => operationType === 'subscription',
    new GraphQLWsLink(createSocket()),
    authorized.concat(new HttpLink({ uri: GRAPHQL })),
  ),
  cache: new InMemoryCache({
    possibleTypes: { Node: ['Payment', 'Refund', 'RecurringPayment', 'Dispute'] },
    typePolicies: {
      Query: {
        fields: {
          // Pages of the same filters become one list.
          payments: relayStylePagination([
            'orderId',
            'accountId',
            'status',
            'refundState',
            'search',
            'createdFrom',
            'createdTo',
          ]),
        },
      },
    },
  }),
});
