import { randomUUID } from 'node:crypto';
import { type ExecutionArgs, GraphQLError, getOperationAST } from 'graphql';
import type { ServerOptions } from 'graphql-ws';
import type { Admit } from '../graphql/admission.js';
import { tooComplex } from '../graphql/cost.js';
import type { DocumentOf } from '../graphql/documents.js';
import { type PresentError, toMessage } from '../graphql/error-presenter.js';
import type { Limits } from '../graphql/limits.js';
import type { GraphqlServer } from '../graphql/server.js';
import type { Subscriptions } from '../graphql/subscriptions.js';
import type { SocketLink } from './socket-link.js';

/** What operations on sockets need. */
export interface SocketOperationsParts {
  readonly graphql: GraphqlServer;
  readonly admit: Admit;
  readonly documentOf: DocumentOf;
  readonly present: PresentError;
  readonly limits: Limits;
  readonly subscriptions: Subscriptions;
}

type Hooks = ServerOptions<Record<string, unknown>, SocketLink>;
type Execute = (args: ExecutionArgs) => ReturnType<NonNullable<Hooks['execute']>>;

/** Runs a socket's operations through the pipeline of the other doors. Never throws: that would close the socket. */
export const createSocketOperations = ({
  graphql,
  admit,
  documentOf,
  present,
  limits,
  subscriptions: streams,
}: SocketOperationsParts): Pick<Hooks, 'onSubscribe' | 'execute' | 'subscribe' | 'onNext' | 'onError'> => ({
  onSubscribe: async ({ extra: link, subscriptions }, _id, params) => {
    const requestId = flat(randomUUID());
    try {
      const { session } = link;
      if (!session) throw new Error('A socket without a session was let in.');
      if (Object.keys(subscriptions).length > limits.subscriptionsPerSocket)
        throw tooComplex(
          `This socket has ${limits.subscriptionsPerSocket} operations under way; end one first, or open another socket.`,
        );
      await session.refresh();
      await admit(session, params.query);
      const query = documentOf(params, session);
      const isGone = (): boolean => !link.isOpen;
      const { schema, parse, validate, contextFactory, execute } = graphql.getEnveloped({
        session,
        requestId,
        isGone,
        params,
      });
      const document = parse(query);
      const errors: readonly GraphQLError[] = validate(schema, document);
      if (errors.length > 0) return errors.map(toMessage);
      const { operationName, variables: variableValues } = params;
      Object.assign(params, { query: '' }); // graphql-ws keeps the message as long as the stream
      const args = { schema, document, operationName, variableValues };
      // A stream may wait for hours: it holds nothing of the pipeline that it doesn't need.
      if (getOperationAST(document, operationName)?.operation === 'subscription')
        return { ...args, contextValue: streams.contextOf({ session, requestId, isGone, endsWithToken: true }) };
      return { ...args, contextValue: await contextFactory(), rootValue: execute };
    } catch (error) {
      return [toMessage(present(error, requestId))];
    }
  },
  execute: (args) => (args.rootValue as Execute)(args),
  subscribe: streams.subscribe,
  // biome-ignore lint/complexity/useMaxParams: as graphql-ws calls it
  onNext: (_context, _id, _payload, _args, { data = null, errors }) =>
    errors ? { data, errors: errors.map((error) => toMessage(error).toJSON()) } : undefined,
  onError: (_context, _id, _payload, errors) =>
    errors.map((error) => toMessage(present(error instanceof GraphQLError ? error : String(error))).toJSON()),
});

/** The text in one piece: as it is made it holds its pieces, ten times as large. */
const flat = (text: string): string => Buffer.from(text, 'latin1').toString('latin1');
