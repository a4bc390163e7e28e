import {
  Environment,
  type FetchFunction,
  type GraphQLResponse,
  Network,
  Observable,
  RecordSource,
  ROOT_TYPE,
  Store,
  type SubscribeFunction,
} from 'relay-runtime';
import { GRAPHQL, token } from '../shop.ts';
import { createSocket } from '../socket.ts';
import { createVersions } from '../versions.ts';

const versions = createVersions();
const socket = createSocket();

/** An answer that was overtaken is asked for again, so that it never reaches the store. */
const ask: FetchFunction = async ({ text, operationKind }, variables) => {
  for (;;) {
    const mark = versions.mark();
    const response = await fetch(GRAPHQL, {
      method: 'POST',
      headers: { authorization: `Bearer ${await token()}`, 'content-type': 'application/json' },
      body: JSON.stringify({ query: text, variables }),
    });
    const answer = await response.json();
    if (answer.errors) throw new Error(answer.errors[0].message);
    if (operationKind === 'mutation' || versions.takesAnswer(answer.data, mark)) return answer;
  }
};

/** A message that was overtaken is dropped. */
const watch: SubscribeFunction = ({ text }, variables) =>
  Observable.create<GraphQLResponse>((sink) =>
    socket.subscribe(
      { query: text ?? '', variables },
      {
        next: (answer) => {
          if (versions.takesMessage(answer.data)) sink.next(answer as GraphQLResponse);
        },
        error: (error) => sink.error(error instanceof Error ? error : new Error(JSON.stringify(error))),
        complete: () => sink.complete(),
      },
    ),
  );

export const environment = new Environment({
  network: Network.create(ask, watch),
  store: new Store(new RecordSource()),
  // `node(id)` finds what the store has already: ids are Tollgate's own, unique across its types.
  missingFieldHandlers: [
    {
      kind: 'linked',
      handle: (field, record, args) =>
        record?.getType() === ROOT_TYPE && field.name === 'node' ? args['id'] : undefined,
    },
  ],
});
