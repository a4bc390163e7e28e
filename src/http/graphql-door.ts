import type { IncomingMessage, ServerResponse } from 'node:http';
import type { PresentError } from '../graphql/error-presenter.js';
import type { GraphqlServer } from '../graphql/server.js';
import type { Authenticate, Session } from '../graphql/session.js';
import { clientAddress } from './address.js';
import { replyError } from './graphql-answer.js';
import type { GraphqlPost } from './graphql-post.js';
import { chooseMediaType } from './media-type.js';
import type { Origins } from './origins.js';
import { reply, text } from './reply.js';

/** What the door of GraphQL over HTTP and SSE is made of. */
export interface GraphqlDoorParts {
  readonly graphql: GraphqlServer;
  readonly post: GraphqlPost;
  readonly authenticate: Authenticate;
  readonly present: PresentError;
  readonly origins: Origins;
  readonly trustedProxies: number;
}

/** Says who asks, then hands the request to the short way or to Yoga. A bad token is answered as GraphQL. */
export const createGraphqlDoor =
  (parts: GraphqlDoorParts) =>
  async (request: IncomingMessage, response: ServerResponse, requestId: string): Promise<void> => {
    parts.origins.allow(request, response);
    if (request.method === 'OPTIONS') {
      response.writeHead(204, { allow: 'GET, POST, OPTIONS' }).end();
      return;
    }
    if (request.method !== 'POST' && request.method !== 'GET')
      return reply(response, text(405, 'GraphQL is asked with POST or GET.', { allow: 'GET, POST, OPTIONS' }));
    let session: Session;
    try {
      session = await parts.authenticate(request.headers.authorization, clientAddress(request, parts.trustedProxies));
    } catch (error) {
      const mediaType = chooseMediaType(request.headers.accept) ?? 'application/graphql-response+json';
      return replyError(response, parts.present(error, requestId), mediaType);
    }
    const door = { session, requestId, isGone: () => response.destroyed };
    if (request.method === 'POST' && (await parts.post(request, response, door))) return;
    await parts.graphql(request, response, door);
  };
