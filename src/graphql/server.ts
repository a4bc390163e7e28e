import { useCSRFPrevention } from '@graphql-yoga/plugin-csrf-prevention';
import { type ExecutionResult, execute, GraphQLError, type GraphQLSchema, getOperationAST } from 'graphql';
import { createYoga, type Plugin, type YogaInitialContext, type YogaServerInstance } from 'graphql-yoga';
import { isTraced, traced } from '../core/trace.js';
import type { Admit } from './admission.js';
import { type CheckOperation, useComplexityLimits } from './complexity.js';
import type { Context, Domain } from './context.js';
import type { DocumentOf } from './documents.js';
import { asRequestError, type PresentError } from './error-presenter.js';
import type { Introspection } from './introspection.js';
import type { Limits } from './limits.js';
import type { Session } from './session.js';
import { failureAsMessage, type Subscriptions } from './subscriptions.js';
import type { Turns } from './turns.js';

/** What a door knows of a request before GraphQL begins. */
export interface Door {
  readonly session: Session;
  readonly requestId: string;
  /** Whether the client went away. */
  isGone(): boolean;
}

/** The GraphQL pipeline that all doors share: HTTP and SSE through Yoga's handler, sockets through `getEnveloped`. */
export type GraphqlServer = YogaServerInstance<Door, Context>;

/** What the pipeline is made of. */
export interface GraphqlParts {
  readonly schema: GraphQLSchema;
  readonly domain: Domain;
  readonly limits: Limits;
  readonly admit: Admit;
  readonly documentOf: DocumentOf;
  readonly turns: Turns;
  readonly present: PresentError;
  readonly introspection: Introspection;
  readonly check: CheckOperation;
  readonly subscriptions: Subscriptions;
}

/** Headers of which any one shows that a browser asked first: a form on another site can't set them. */
const PREFLIGHTED = ['authorization', 'x-tollgate-csrf', 'x-graphql-yoga-csrf', 'apollo-require-preflight'];

/** Builds the pipeline: permissions, limits and presented errors on every door. */
export const createGraphqlServer = (parts: GraphqlParts): GraphqlServer =>
  createYoga<Door, Context>({
    schema: parts.schema,
    context: ({ session, requestId, isGone }) => ({ ...parts.domain, session, requestId, isGone }),
    plugins: [
      useAdmission(parts.admit),
      useDocuments(parts.documentOf),
      useGraphqlJs(parts.subscriptions),
      useTraces(),
      usePostsFromHere(),
      useStreamsWhereTheyFit(),
      useComplexityLimits(parts),
      usePresentedErrors(parts.present),
    ],
    maskedErrors: { maskError: (error) => parts.present(error) },
    batching: parts.limits.batchSize > 1 ? { limit: parts.limits.batchSize } : false,
    maxRequestBodySize: parts.limits.bodyBytes,
    multipart: false,
    logging: false,
    graphiql: false,
    landingPage: false,
    cors: false,
  });

/** Admits each operation of Yoga's own handler, one by one also in a batch. */
const useAdmission = (admit: Admit): Plugin<Context> => ({
  onParams: async ({ context, params }) => {
    const { session } = context as unknown as Door & YogaInitialContext;
    await admit(session, params.query);
  },
});

/** Answers fields in the order of the query; Yoga's own executor, as they were resolved. Source: GraphQL specification, 7.2.2, "Serialized Map Ordering". */
const useGraphqlJs = ({ subscribe }: Subscriptions): Plugin<Context> => ({
  onExecute: ({ setExecuteFn }) => setExecuteFn(execute),
  onSubscribe: ({ setSubscribeFn }) =>
    setSubscribeFn(async (args) => {
      const answers = await subscribe(args);
      return Symbol.asyncIterator in answers ? failureAsMessage(answers) : answers;
    }),
});

/** A span for each query and mutation, named as the client named it; what it holds is not told. */
const useTraces = (): Plugin<Context> => ({
  onExecute: ({ args, executeFn, setExecuteFn }) => {
    if (!isTraced()) return;
    const { operation: type = 'query', name } = getOperationAST(args.document, args.operationName) ?? {};
    const attributes = { 'graphql.operation.type': type, ...(name && { 'graphql.operation.name': name.value }) };
    setExecuteFn((ask) =>
      traced(name ? `${type} ${name.value}` : type, { attributes }, async (span) => {
        const result = (await executeFn(ask)) as ExecutionResult;
        const [error] = result.errors ?? [];
        if (error)
          span.set({ 'error.type': String(error.extensions['code'] ?? error.originalError?.name ?? error.name) });
        return result;
      }),
    );
  },
});

/** Finds the document of each operation of Yoga's own handler, which reads no `documentId` from an address. */
const useDocuments = (documentOf: DocumentOf): Plugin<Context> => ({
  onParams: ({ context, params: given, request, setParams }) => {
    const { session } = context as unknown as Door & YogaInitialContext;
    if (typeof given !== 'object' || given === null) return;
    const { documentId, ...params } = given as typeof given & { documentId?: unknown };
    const asked = request.method === 'GET' ? new URL(request.url).searchParams.get('documentId') : documentId;
    const query = documentOf({ ...params, documentId: asked }, session);
    setParams(query === undefined ? params : { ...params, query });
  },
});

/** The CSRF guard for what changes something: GET is for reading alone, and its answer is kept from other origins. */
const usePostsFromHere = (): Plugin<Context> => {
  const { onRequestParse } = useCSRFPrevention({ requestHeaders: PREFLIGHTED });
  return {
    onRequestParse: (payload) => {
      if (payload.request.method === 'GET') return undefined;
      try {
        return onRequestParse?.(payload);
      } catch {
        throw new GraphQLError(
          'A request with this content type must carry the header "x-tollgate-csrf" (any value). application/json needs none.',
          { extensions: { code: 'FORBIDDEN', http: { status: 403 } } },
        );
      }
    },
  };
};

/** The refusal of a subscription on a door that can answer only once. */
export const subscriptionNeedsStream = (): GraphQLError =>
  new GraphQLError('A subscription needs a WebSocket, or the header "accept: text/event-stream".', {
    extensions: { code: 'BAD_USER_INPUT', http: { status: 406 } },
  });

/** A stream that nobody could read is never started. */
const useStreamsWhereTheyFit = (): Plugin<Context> => ({
  onSubscribe: ({ args, setResultAndStopExecution }) => {
    const { request } = args.contextValue as Context & Partial<YogaInitialContext>;
    if (request && !request.headers.get('accept')?.includes('text/event-stream'))
      setResultAndStopExecution({ errors: [subscriptionNeedsStream()] });
  },
});

/** Presents the errors of every operation; those of streams are presented where they are made. */
const usePresentedErrors = (present: PresentError): Plugin<Context> => ({
  onParse:
    () =>
    ({ result, replaceParseResult }) => {
      if (result instanceof Error)
        replaceParseResult(asRequestError(present(withCode(result, 'GRAPHQL_PARSE_FAILED'))));
    },
  onValidate:
    () =>
    ({ valid, result, setResult }) => {
      if (!valid)
        setResult(result.map((error: Error) => asRequestError(present(withCode(error, 'GRAPHQL_VALIDATION_FAILED')))));
    },
  onExecute: ({ args }) => ({
    onExecuteDone: ({ result, setResult }) => {
      if (!('errors' in result) || !result.errors) return;
      const { requestId } = args.contextValue;
      const errors = result.errors.map((error) => present(error, requestId));
      setResult({ ...result, errors: result.data === undefined ? errors.map(asRequestError) : errors });
    },
  }),
});

/** Names the stage that refused, unless the error says more already. */
const withCode = (error: Error, code: string): Error => {
  if (!(error instanceof GraphQLError) || error.originalError || error.extensions['code'] !== undefined) return error;
  error.extensions['code'] = code;
  return error;
};
