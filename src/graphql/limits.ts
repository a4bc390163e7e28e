/** How much one client may request, on HTTP, SSE and sockets alike; `docs/limits.md` describes each limit. */
export interface Limits {
  /** Fields nested in each other in one operation. */
  readonly depth: number;
  /** Fields that one operation may touch, a list counted as often as it asks for rows. */
  readonly cost: number;
  /** Aliases in one operation. */
  readonly aliases: number;
  /** Directives in one operation. */
  readonly directives: number;
  /** Tokens of one document. */
  readonly tokens: number;
  /** Characters of one document. */
  readonly documentCharacters: number;
  /** Operations in one HTTP request; 1 turns batches off. */
  readonly batchSize: number;
  /** Bytes of one GraphQL request body. */
  readonly bodyBytes: number;
  /** Bytes of one webhook body. */
  readonly webhookBytes: number;
  /** Bytes of one message on a socket. */
  readonly messageBytes: number;
  /** Concurrent operations per socket. */
  readonly subscriptionsPerSocket: number;
  /** Milliseconds that a socket may take to send its connection_init. */
  readonly connectionInitMs: number;
  /** Sockets of one address that are open at once, in one process; 0 turns the limit off. */
  readonly socketsPerAddress: number;
  /** Bytes that a socket may leave unread; the next message to it closes it. */
  readonly unreadBytes: number;
  /** Bytes that all clients of one address may leave unread, in one process; who holds most is cut off. */
  readonly unreadBytesPerAddress: number;
  /** Milliseconds that a whole request may take to arrive, and its answer to be read. */
  readonly requestMs: number;
  /** Operations of one account in a window; 0 turns the limit off. */
  readonly operationsPerAccount: number;
  /** Operations of one address in a window, refused tokens included; 0 turns the limit off. */
  readonly operationsPerAddress: number;
  /** The window of both, in seconds. */
  readonly windowSeconds: number;
}

/** What holds unless an operator says otherwise: generous to one busy client, too small to hurt the server. */
export const DEFAULT_LIMITS: Limits = {
  depth: 10,
  cost: 30_000,
  aliases: 30,
  directives: 20,
  tokens: 2_000,
  documentCharacters: 20_000,
  batchSize: 1,
  bodyBytes: 128 * 1_024,
  webhookBytes: 1_024 * 1_024,
  messageBytes: 128 * 1_024,
  subscriptionsPerSocket: 100,
  connectionInitMs: 5_000,
  socketsPerAddress: 250,
  unreadBytes: 1_024 * 1_024,
  unreadBytesPerAddress: 32 * 1_024 * 1_024,
  requestMs: 20_000,
  operationsPerAccount: 3_000,
  operationsPerAddress: 15_000,
  windowSeconds: 10,
};

/** The environment variable that sets each limit. */
export const LIMIT_VARIABLES: Readonly<Record<keyof Limits, string>> = {
  depth: 'TOLLGATE_LIMIT_DEPTH',
  cost: 'TOLLGATE_LIMIT_COST',
  aliases: 'TOLLGATE_LIMIT_ALIASES',
  directives: 'TOLLGATE_LIMIT_DIRECTIVES',
  tokens: 'TOLLGATE_LIMIT_TOKENS',
  documentCharacters: 'TOLLGATE_LIMIT_DOCUMENT_CHARACTERS',
  batchSize: 'TOLLGATE_LIMIT_BATCH_SIZE',
  bodyBytes: 'TOLLGATE_LIMIT_BODY_BYTES',
  webhookBytes: 'TOLLGATE_LIMIT_WEBHOOK_BYTES',
  messageBytes: 'TOLLGATE_LIMIT_MESSAGE_BYTES',
  subscriptionsPerSocket: 'TOLLGATE_LIMIT_SUBSCRIPTIONS_PER_SOCKET',
  connectionInitMs: 'TOLLGATE_LIMIT_CONNECTION_INIT_MS',
  socketsPerAddress: 'TOLLGATE_LIMIT_SOCKETS_PER_ADDRESS',
  unreadBytes: 'TOLLGATE_LIMIT_UNREAD_BYTES',
  unreadBytesPerAddress: 'TOLLGATE_LIMIT_UNREAD_BYTES_PER_ADDRESS',
  requestMs: 'TOLLGATE_LIMIT_REQUEST_MS',
  operationsPerAccount: 'TOLLGATE_LIMIT_OPERATIONS_PER_ACCOUNT',
  operationsPerAddress: 'TOLLGATE_LIMIT_OPERATIONS_PER_ADDRESS',
  windowSeconds: 'TOLLGATE_LIMIT_WINDOW_SECONDS',
};

/** What each limit bounds, for the table of variables. */
export const LIMIT_MEANINGS: Readonly<Record<keyof Limits, string>> = {
  depth: 'fields nested in each other in one operation',
  cost: 'fields that one operation may touch, a list counted as often as it asks for rows',
  aliases: 'aliases in one operation',
  directives: 'directives in one operation',
  tokens: 'tokens of one document',
  documentCharacters: 'characters of one document',
  batchSize: 'operations in one HTTP request; 1: no batches',
  bodyBytes: 'bytes of one GraphQL request',
  webhookBytes: 'bytes of one webhook delivery',
  messageBytes: 'bytes of one message on a socket',
  subscriptionsPerSocket: 'operations under way at once on one socket',
  connectionInitMs: 'milliseconds that a socket may take to send its connection_init',
  socketsPerAddress: 'sockets of one address that are open at once, in one process; 0: no limit',
  unreadBytes: 'bytes that a socket may leave unread; the next message to it closes it',
  unreadBytesPerAddress: 'bytes that all clients of one address may leave unread, in one process',
  requestMs: 'milliseconds that a whole request may take to arrive, and its answer to be read',
  operationsPerAccount: 'operations of one account in a window; 0: no limit',
  operationsPerAddress: 'operations of one address in a window, refused tokens included; 0: no limit',
  windowSeconds: 'seconds of that window',
};
