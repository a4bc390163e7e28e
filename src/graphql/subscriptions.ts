import { createSourceEventStream, type ExecutionArgs, type ExecutionResult, execute, type GraphQLError } from 'graphql';
import type { CheckOperation } from './complexity.js';
import type { Context, Domain } from './context.js';
import { asRequestError, type PresentError } from './error-presenter.js';

/** What subscriptions are made of. */
export interface SubscriptionParts {
  readonly domain: Domain;
  readonly check: CheckOperation;
  readonly present: PresentError;
  /** Called as live streams begin (1) and end (-1). */
  readonly countStreams: (change: 1 | -1) => void;
}

/** The subscriptions of every door. */
export interface Subscriptions {
  /** Begins one: its messages, or the refusal. What ends it early is thrown as it is shown to the client. */
  subscribe(args: ExecutionArgs): Promise<AsyncIterableIterator<ExecutionResult, undefined> | ExecutionResult>;
  /** The context of one operation; the domain is shared, not copied. */
  contextOf(own: Omit<Context, keyof Domain>): Context;
}

const DONE: IteratorReturnResult<undefined> = { value: undefined, done: true };

/** The same, but what ends it early is its last message: thrown, it would cut an event stream's connection. */
export const failureAsMessage = (
  answers: AsyncIterableIterator<ExecutionResult, undefined>,
): AsyncIterableIterator<ExecutionResult, undefined> => {
  const told: AsyncIterableIterator<ExecutionResult, undefined> = {
    next: () => answers.next().catch((error: GraphQLError) => ({ done: false, value: { errors: [error] } })),
    return: () => answers.return?.() ?? Promise.resolve(DONE),
    [Symbol.asyncIterator]: () => told,
  };
  return told;
};

/** Runs subscriptions by graphql-js, whose answers keep the order of the query. */
export const createSubscriptions = (parts: SubscriptionParts): Subscriptions => ({
  subscribe: async (args) => {
    const { refusal } = parts.check(args);
    if (refusal) return { errors: [refusal] };
    const source = await createSourceEventStream(args);
    if (Symbol.asyncIterator in source) return new Answers(source[Symbol.asyncIterator](), args, parts);
    return { errors: presented(source.errors ?? [], args, parts).map(asRequestError) };
  },
  contextOf: (own) => Object.assign(Object.create(parts.domain), own) as Context,
});

const presented = (
  errors: readonly GraphQLError[],
  { contextValue }: ExecutionArgs,
  { present }: SubscriptionParts,
): GraphQLError[] => errors.map((error) => present(error, (contextValue as Context).requestId));

/**
 * The answers of one subscription, one for each of its events. One object per stream: there may be ten thousand that wait.
 *
 * Not an async generator: the `return()` of one would wait for a pending `next()`.
 */
class Answers implements AsyncIterableIterator<ExecutionResult, undefined> {
  readonly #source: AsyncIterator<unknown>;
  readonly #args: ExecutionArgs;
  readonly #parts: SubscriptionParts;
  #ended = false;

  constructor(source: AsyncIterator<unknown>, args: ExecutionArgs, parts: SubscriptionParts) {
    this.#source = source;
    this.#args = args;
    this.#parts = parts;
    parts.countStreams(1);
  }

  async next(): Promise<IteratorResult<ExecutionResult, undefined>> {
    if (this.#ended) return DONE;
    try {
      const { value, done } = await this.#source.next();
      if (!done && !this.#ended) return { value: await this.#answer(value), done: false };
    } catch (error) {
      this.#end();
      void this.#source.return?.(); // where the answer failed, and not the source, nobody else ends it
      throw this.#parts.present(error, (this.#args.contextValue as Context).requestId);
    }
    this.#end();
    return DONE;
  }

  async return(): Promise<IteratorResult<ExecutionResult, undefined>> {
    this.#end();
    await this.#source.return?.();
    return DONE;
  }

  async throw(error: unknown): Promise<IteratorResult<ExecutionResult, undefined>> {
    await this.return();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #answer(event: unknown): Promise<ExecutionResult> {
    const { data, errors } = await execute({ ...this.#args, rootValue: event });
    return errors ? { data: data ?? null, errors: presented(errors, this.#args, this.#parts) } : { data: data ?? null };
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#parts.countStreams(-1);
  }
}
