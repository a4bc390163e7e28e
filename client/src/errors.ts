/** What the server, or the way to it, refuses. `code` is stable (see the schema's list); the message is for people. */
export class TollgateError extends Error {
  constructor(
    /** One of the server's codes, or UNREACHABLE when no answer came. Tolerate new ones. */
    readonly code: string,
    message: string,
    /** What else the server says, such as `declineCode`. */
    readonly details: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
    this.name = 'TollgateError';
  }
}

/** An error as GraphQL over HTTP and graphql-transport-ws carry it. */
export interface WireError {
  readonly message: string;
  readonly extensions?: Readonly<Record<string, unknown>> | undefined;
}

/** The first error of an answer, typed. */
export const fromWire = (errors: readonly WireError[]): TollgateError => {
  const { message = 'The server gave no reason.', extensions = {} } = errors[0] ?? {};
  const { code, ...details } = extensions;
  return new TollgateError(typeof code === 'string' ? code : 'INTERNAL', message, details);
};

/** Whatever was thrown, as a TollgateError. */
export const toTollgateError = (error: unknown): TollgateError => {
  if (error instanceof TollgateError) return error;
  if (Array.isArray(error)) return fromWire(error);
  return new TollgateError('UNREACHABLE', 'The server did not answer. Check the connection and try again.');
};
