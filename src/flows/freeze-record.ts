import { openClient } from '../storage/session.js';

/** A flow or effect that held up a process until it was ended. */
export interface NewFreeze {
  readonly sort: 'flow' | 'effect';
  readonly name: string;
  readonly subject: string;
  readonly event?: object | undefined;
  readonly place: string | undefined;
}

/**
 * Writes down a freeze over a connection of its own, for the process has none left that answers. The table is locked by nobody,
 * so the transaction that froze isn't waited for. Each call is one freeze more.
 */
export const recordFreeze = async (databaseUrl: string, freeze: NewFreeze): Promise<void> => {
  const { sort, name, subject, event, place } = freeze;
  const client = await openClient(databaseUrl, 'tollgate');
  const eventId = event === undefined ? null : String(Reflect.get(event, 'id'));
  await client.query(
    `insert into tollgate.flow_freeze (sort, name, subject, event_id, event, place) values ($1, $2, $3, $4, $5, $6)`,
    [sort, name, subject, eventId, event === undefined ? null : JSON.stringify(event), place ?? null],
  );
  await client.end();
};
