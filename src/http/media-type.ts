/** The media types of GraphQL over HTTP for answers that are not streams. */
export type MediaType = 'application/json' | 'application/graphql-response+json';

/**
 * What an answer is sent as: the first of the client's types that we speak; undefined when it wants a stream, or only
 * what we don't speak. Source: GraphQL over HTTP, "Legacy watershed".
 */
export const chooseMediaType = (accept: string | undefined): MediaType | undefined => {
  if (accept === undefined || accept === '*/*' || accept === 'application/json') return 'application/json';
  const types = accept.split(',').map((entry) => entry.split(';')[0]?.trim().toLowerCase());
  if (types.includes('text/event-stream') || types.some((type) => type?.startsWith('multipart/'))) return undefined;
  for (const type of types) {
    if (type === 'application/graphql-response+json') return type;
    if (type === 'application/json' || type === 'application/*' || type === '*/*') return 'application/json';
  }
  return undefined;
};
