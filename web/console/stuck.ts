import type { Request } from 'tollgate-client';
import { type EventFieldsFragment, StuckEventsDocument } from './operations.js';

/** An event that was just received is on its way, not stuck. */
const PATIENCE_MS = 60_000;

/** Events that were given up on, that fail, or that wait too long. */
export const readStuckEvents = async (request: Request): Promise<readonly EventFieldsFragment[]> => {
  const { dead, failed, received } = await request(StuckEventsDocument, {});
  const waiting = received.edges.filter(({ node }) => Date.now() - Date.parse(node.receivedAt) > PATIENCE_MS);
  return [...dead.edges, ...failed.edges, ...waiting].map(({ node }) => node);
};
