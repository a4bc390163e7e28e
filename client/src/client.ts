import type { Print } from './document.js';
import { createLive, type Live } from './live.js';
import { createRequest, type Request } from './requests.js';
import { createTokens, type TokenSource } from './tokens.js';

/** How a client reaches its server. */
export interface ClientOptions {
  /** Of `/graphql`; the socket's address is made of it. */
  readonly url: string;
  /** Asked for the first token, and whenever one is about to end or was refused. */
  readonly token: TokenSource;
  /** The WebSocket class where there is no global one: Node 20 with the package `ws`. */
  readonly webSocket?: unknown;
  /** `print` of the package `graphql`, for operations of your own that are bare syntax trees. */
  readonly print?: Print;
}

/** The way to one server as one caller. Every function of this package takes it first; what isn't used isn't bundled. */
export interface Client {
  /** Sends an operation, the package's or your own. Rejects with a TollgateError. */
  readonly request: Request;
  readonly watch: Live['watch'];
  readonly connection: Live['connection'];
  /** What stores share, by their keys; see `tollgate-client/stores`. */
  readonly shared: Map<string, unknown>;
  /** Ends all streams and closes the socket. */
  close(): void;
}

/** Makes the way to a server; nothing is sent before something is asked or watched. */
export const createTollgateClient = ({ url, token, webSocket, print }: ClientOptions): Client => {
  const tokens = createTokens(token);
  const live = createLive({ url, tokens, webSocket, print });
  const shared = new Map<string, unknown>();
  return {
    request: createRequest(url, tokens, print),
    watch: live.watch,
    connection: live.connection,
    shared,
    close: () => {
      shared.clear(); // who asks again, begins again
      live.close();
    },
  };
};

interface Keyed {
  readonly idempotencyKey?: string | null | undefined;
}

/** A key for one action: the same key again does nothing again. `randomUUID` would need HTTPS. */
export const newKey = (): string => {
  const parts = new Uint32Array(4);
  // React Native may have none; the time and chance then make a key that only has to differ from the account's others.
  const source: Partial<Crypto> | undefined = globalThis.crypto;
  if (source?.getRandomValues) source.getRandomValues(parts);
  else for (const index of parts.keys()) parts[index] = Math.random() * 2 ** 32;
  return [Date.now(), ...parts].map((part) => part.toString(36)).join('-');
};

/** The input with a key of its own, unless it has one: a request that is sent twice is done once. */
export const withKey = <Input extends Keyed>(input: Input): Input => ({
  ...input,
  idempotencyKey: input.idempotencyKey ?? newKey(),
});

/** One page of a list. */
export interface Page<Row> {
  readonly nodes: readonly Row[];
  /** Give `endCursor` as `after` for the next page, while there is one. */
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

/** A connection as a page. */
export const pageOf = <Row>(connection: {
  readonly edges: readonly { readonly node: Row }[];
  readonly pageInfo: Page<Row>['pageInfo'];
}): Page<Row> => ({ nodes: connection.edges.map(({ node }) => node), pageInfo: connection.pageInfo });

/** All rows of a list, page after page: `for await (const payment of allOf((after) => payments(client, { after })))`. */
export async function* allOf<Row>(read: (after: string | undefined) => Promise<Page<Row>>): AsyncGenerator<Row> {
  for (let after: string | undefined; ; ) {
    const { nodes, pageInfo } = await read(after);
    yield* nodes;
    if (!pageInfo.hasNextPage || pageInfo.endCursor === null) return;
    after = pageInfo.endCursor;
  }
}
