import type { PubSub } from './pubsub.js';
import { encodeRow, type Stream, type Versioned } from './stream.js';

/**
 * Tells the watchers of the row. Call it after the commit, with the whole row; it is serialised once, whatever the number of
 * its topics. Rejects when it can't be known that the message arrived. Twice is harmless: watchers drop versions that they know.
 */
export const publishRow = async <Row extends Versioned>(
  pubsub: Pick<PubSub, 'publish'>,
  stream: Stream<Row>,
  row: Row,
): Promise<void> => {
  const message = encodeRow(row);
  await Promise.all(stream.topics(row).map((topic) => pubsub.publish(topic, message)));
};
