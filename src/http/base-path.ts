import type { IncomingMessage, ServerResponse } from 'node:http';
import { json, reply } from './reply.js';

/**
 * Makes the step that takes the base path off a request's address, so that each door sees its own. True where it has answered
 * instead: with a redirect to the path's own page, or that nothing is elsewhere.
 */
export const createBasePath =
  (basePath: string) =>
  (request: IncomingMessage, response: ServerResponse): boolean => {
    if (basePath === '') return false;
    const { url = '/' } = request;
    const rest = url.startsWith(basePath) ? url.slice(basePath.length) : undefined;
    if (rest?.startsWith('/')) {
      request.url = rest;
      return false;
    }
    if (rest === '' || rest?.startsWith('?'))
      reply(response, json(308, { error: 'Here with a slash.' }, { location: `${basePath}/${rest}` }));
    else reply(response, json(404, { error: `Everything here is below ${basePath}/.` }));
    return true;
  };
