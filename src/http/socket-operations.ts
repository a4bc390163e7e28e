import { randomUUID } from 'node:crypto';
import { type ExecutionArgs, GraphQLError } from 'graphql';
import type { ServerOptions } from 'graphql-ws';
import type { Admit } from '../graphql/admission.js';
import { tooComplex } from '../graphql/cost.js';
import type { DocumentOf } from '../graphql/documents.js';
import { type PresentError, toMessage } from '../graphql/error-presenter.js';
import type { Limits } from '../graphql/limits.js';
import type { GraphqlServer } from '../graphql/server.js';
import type { SocketExtra } from './sockets.js';

/** What operations on sockets need. */
export interface SocketOperationsParts {
  readonly graphql: GraphqlServer;
  readonly admit: Admit;
  readonly documentOf: DocumentOf;
  readonly present: PresentError;
  readonly limits: Limits;
}

type Hooks = ServerOptions<Record<string, unknown>, SocketExtra>;
type Executor = (args: ExecutionArgs) => ReturnType<NonNullable<Hooks['execute']>>;
interface Pipeline {
  readonly execute: Executor;
  readonly subscribe: Executor;
}

/** Runs a socket's operations through the pipeline of the other doors. Never throws: that would close the socket. */
export const createSocketOperations = ({
  graphql,
  admit,
  documentOf,
  present,
  limits,
}: SocketOperationsParts): Pick<Hooks, 'onSubscribe' | 'execute' | 'subscribe' | 'onNext' | 'onError'> => ({
  onSubscribe: async ({ extra, subscriptions }, _id, params) => {
    const requestId = randomUUID();
    try {
      const { session } = extra;
      if (!session) throw new Error('A socket without a session was let in.');
      if (Object.keys(subscriptions).length > limits.subscriptionsPerSocket)
        throw tooComplex(
          `This socket has ${limits.subscriptionsPerSocket} operations under way; end one first, or open another socket.`,
        );
      await session.refresh();
      await admit(session, params.query);
      const query = documentOf(params, session);
      const { schema, parse, validate, contextFactory, execute, subscribe } = graphql.getEnveloped({
        session,
        requestId,
        isGone: () => !extra.link.isOpen,
        params,
      });
      const document = parse(query);
      const errors: readonly GraphQLError[] = validate(schema, document);
      if (errors.length > 0) return errors.map(toMessage);
      return {
        schema,
        document,
        operationName: params.operationName,
        variableValues: params.variables,
        contextValue: await contextFactory(),
        rootValue: { execute, subscribe } satisfies Pipeline,
      };
    } catch (error) {
      return [toMessage(present(error, requestId))];
    }
  },
  execute: (args) => (args.rootValue as Pipeline).execute(args),
  subscribe: (args) => (args.rootValue as Pipeline).subscribe(args),
  // biome-ignore lint/complexity/useMaxParams: as graphql-ws calls it
  onNext: (_context, _id, _payload, _args, { data = null, errors }) =>
    errors ? { data, errors: errors.map((error) => toMessage(error).toJSON()) } : undefined,
  onError: (_context, _id, _payload, errors) =>
    errors.map((error) => toMessage(present(error instanceof GraphQLError ? error : String(error))).toJSON()),
});
