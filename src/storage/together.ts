import pg from 'pg';

/** What pg's own query answers to its connection, beyond what its type declarations name. */
interface WireQuery {
  readonly name?: string;
  readonly text: string;
  prepare(connection: pg.Connection): void;
  handleRowDescription(message: object): void;
  handleDataRow(message: object): void;
  handleCommandComplete(message: object, connection: pg.Connection): void;
  handleEmptyQuery(connection: pg.Connection): void;
  handleError(error: Error, connection: pg.Connection): void;
  handleReadyForQuery(connection: pg.Connection): void;
}

type Settle = (error: Error | undefined, result: pg.QueryResult) => void;

/** Named statements that were sent and not yet confirmed; pg believes that each will be there. */
const submittedOf = (connection: pg.Connection): Record<string, unknown> => {
  const submitted: unknown = Reflect.get(connection, 'submittedNamedStatements');
  if (typeof submitted !== 'object' || submitted === null)
    throw new Error('This version of pg books prepared statements in another way.');
  return submitted as Record<string, unknown>;
};

const isWireQuery = (query: object): query is WireQuery => 'prepare' in query && 'handleReadyForQuery' in query;

const toWireQuery = (config: pg.QueryConfig, settle: Settle): WireQuery => {
  const query = new pg.Query(config, settle);
  if (!isWireQuery(query)) throw new Error('This version of pg sends its queries in another way.');
  return query;
};

/**
 * Statements that stand or fall together: they travel with one Sync behind the last, so that PostgreSQL skips everything
 * that follows a failure, and nobody takes what comes after a failed `begin` for statements of their own. Their answers
 * are given once all of them are there. For a pipelined connection and the extended protocol.
 *
 * Source: PostgreSQL docs, "Message Flow", Extended Query and Pipelining.
 */
export class Together extends pg.Query {
  /** Of the statement whose answers come now: pg books what was prepared by them. */
  name: string | undefined;
  text = '';
  readonly #members: WireQuery[] = [];
  #current = 0;
  /** Why a statement could not be sent: its values have no form on the wire. */
  #unfit: Error | undefined;

  /** `failure` is asked when all have been answered: an error there is the answer of each. */
  constructor(private readonly failure: () => Error | undefined) {
    super({ text: '' });
  }

  /** Adds a statement; only before they are sent. */
  add(config: pg.QueryConfig): Promise<pg.QueryResult> {
    return new Promise((resolve, reject) => {
      const settle: Settle = (error, result) => {
        if (!error) return resolve(result);
        this.#unfit ??= error;
        reject(error);
      };
      this.#members.push(toWireQuery(config, settle));
      this.#turnTo(0);
    });
  }

  /** Answers each with the error, without sending any. */
  abandon(error: Error, connection: pg.Connection): void {
    for (const member of this.#members.splice(0)) member.handleError(error, connection);
  }

  override submit = (connection: pg.Connection): void => {
    const quiet: pg.Connection = Object.create(connection, { sync: { value: () => undefined } });
    connection.stream.cork();
    for (const [place, member] of this.#members.entries()) {
      member.prepare(quiet);
      if (this.#unfit) this.#dropFrom(place, this.#unfit, connection);
    }
    connection.sync();
    connection.stream.uncork();
  };

  handleRowDescription(message: object): void {
    this.#member?.handleRowDescription(message);
  }

  handleDataRow(message: object): void {
    this.#member?.handleDataRow(message);
  }

  handleCommandComplete(message: object, connection: pg.Connection): void {
    this.#member?.handleCommandComplete(message, connection);
    this.#turnTo(this.#current + 1);
  }

  handleEmptyQuery(connection: pg.Connection): void {
    this.#member?.handleEmptyQuery(connection);
    this.#turnTo(this.#current + 1);
  }

  handleError(error: Error, connection: pg.Connection): void {
    this.#dropFrom(this.#current, error, connection);
    for (const member of this.#members) member.handleReadyForQuery(connection);
  }

  handleReadyForQuery(connection: pg.Connection): void {
    const failure = this.failure();
    if (failure) this.abandon(failure, connection);
    else for (const member of this.#members) member.handleReadyForQuery(connection);
  }

  get #member(): WireQuery | undefined {
    return this.#members[this.#current];
  }

  /** What is skipped wasn't prepared either. */
  #dropFrom(place: number, error: Error, connection: pg.Connection): void {
    for (const member of this.#members.splice(place)) {
      if (member.name !== undefined) delete submittedOf(connection)[member.name];
      member.handleError(error, connection);
    }
  }

  #turnTo(place: number): void {
    this.#current = place;
    this.name = this.#member?.name;
    this.text = this.#member?.text ?? '';
  }
}
