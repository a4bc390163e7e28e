import { type Command, InvalidArgumentError, Option } from 'commander';
import { wordsOf } from '../core/errors.js';
import { EVENT_STATUSES, type EventStatus } from '../core/states.js';
import { createEventReads, type EventFilter, type EventReads, type InboxEvent } from '../inbox/event-reads.js';
import { NOUNS } from '../nouns.js';
import { stripeIdsOf } from '../parts/nouns.js';
import type { Operations } from '../parts/operations.js';
import { parseSince } from './duration.js';
import { withOperations } from './operations.js';
import { createOutput, type JsonOption, UsageError } from './output.js';
import { withParts } from './parts.js';
import { oneLine, toTable } from './table.js';

interface FilterOptions extends JsonOption {
  readonly type?: string;
  readonly status?: EventStatus;
  readonly since?: Date;
  readonly until?: Date;
}

interface ReplayOptions extends FilterOptions {
  readonly reason?: string;
  readonly dryRun?: boolean;
}

/** The payload is shown by `show` alone. */
const summaryOf = ({ payload: _payload, ...event }: InboxEvent) => event;

/** To look at the inbox no flow is loaded, so that a broken one can be found by it. */
const withReads = <T>(work: (reads: EventReads) => Promise<T>): Promise<T> =>
  withParts(({ database }) => work(createEventReads(database, stripeIdsOf(NOUNS))));

const listEvents = async (options: FilterOptions & { readonly limit: number }): Promise<void> => {
  const { type, status, since, until, limit } = options;
  const filter = { type, status, since, until };
  const { rows, hasNextPage } = await withReads((reads) => reads.list({ ...filter, first: limit }));
  const lines = rows.map((event) => [
    event.id,
    event.type,
    event.status,
    String(event.attempts),
    event.receivedAt.toISOString(),
    oneLine(event.lastError ?? event.reason),
  ]);
  const table = toTable([['ID', 'TYPE', 'STATUS', 'ATTEMPTS', 'RECEIVED', 'WHY'], ...lines]);
  createOutput(options).data(
    { events: rows.map(summaryOf), hasMore: hasNextPage },
    rows.length === 0 ? 'No event fits.' : `${table}${hasNextPage ? '\n… there are more: raise --limit.' : ''}`,
  );
};

const showEvent = async (id: string, options: JsonOption): Promise<void> => {
  const event = await withReads((reads) => reads.find(id));
  if (!event) throw new UsageError(`There is no event ${id} in the inbox.`);
  const payload: unknown = event.payload === null ? null : JSON.parse(event.payload);
  const lines = Object.entries(summaryOf(event))
    .filter(([, value]) => value !== null)
    .map(([name, value]) => [name, value instanceof Date ? value.toISOString() : String(value)]);
  createOutput(options).data(
    { ...event, payload },
    `${toTable(lines)}\n${payload === null ? 'Its payload is older than is kept.' : JSON.stringify(payload, null, 2)}`,
  );
};

interface Replayed {
  readonly id: string;
  readonly status: EventStatus | null;
  readonly error: string | null;
}

const replayOne = (events: Operations['events'], id: string, reason: string | undefined): Promise<Replayed> =>
  events.replay(id, { actor: 'operator', reason }).then(
    ({ status, lastError }) => ({ id, status, error: lastError }),
    (error: unknown) => ({ id, status: null, error: wordsOf(error) }),
  );

const TELL_EVERY = 50;

/** Only counts what would be replayed. */
const countEvents = async (filter: EventFilter, options: JsonOption): Promise<void> => {
  const { count, isMore } = await withReads((reads) => reads.count(filter));
  createOutput(options).data({ count, isMore }, `${isMore ? `More than ${count}` : count} event(s) would be replayed.`);
};

const replayEvents = async (ids: readonly string[], options: ReplayOptions): Promise<void> => {
  const { type, status, since, until, reason } = options;
  const filter = { type, status, since, until };
  const isFiltered = Object.values(filter).some((value) => value !== undefined);
  if (ids.length > 0 === isFiltered)
    throw new UsageError('Name the events, or say which with --type, --status, --since and --until; not both.');
  if (options.dryRun) {
    if (ids.length > 0) throw new UsageError('--dry-run counts what --type, --status, --since and --until choose.');
    return countEvents(filter, options);
  }
  const output = createOutput(options);
  const replayed = await withOperations({ asksStripe: false }, async ({ events }) => {
    const chosen = ids.length > 0 ? ids : await events.idsOf(filter);
    const done: Replayed[] = [];
    for (const id of chosen) {
      done.push(await replayOne(events, id, reason));
      if (done.length % TELL_EVERY === 0) output.progress(`${done.length} of ${chosen.length} replayed`);
    }
    return done;
  });
  const failed = replayed.filter(({ error }) => error !== null);
  output.data(
    { replayed: replayed.length, failed: failed.length, events: replayed },
    [
      `${replayed.length} event(s) replayed, ${failed.length} of them failed.`,
      ...failed.map(({ id, error }) => `  ${id}: ${oneLine(error, 200)}`),
    ].join('\n'),
  );
  if (failed.length > 0) process.exitCode = 1;
};

const parseLimit = (text: string): number => {
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > 1_000) throw new InvalidArgumentError('A number from 1 to 1000.');
  return limit;
};

const addFilter = (command: Command): Command =>
  command
    .option('--type <type>', 'such as payment_intent.succeeded')
    .addOption(new Option('--status <status>', 'how it ended').choices(EVENT_STATUSES))
    .option('--since <when>', 'received since then: 1h, 7d, or a time', parseSince)
    .option('--until <when>', 'received before then: 1h, 7d, or a time', parseSince)
    .option('--json', 'print it as JSON');

/** Adds the commands over the inbox of webhook events. */
export const addEventCommands = (program: Command): void => {
  const events = program.command('events').description('the inbox of webhook events');
  addFilter(events.command('list').description('newest first'))
    .option('--limit <number>', 'at most so many', parseLimit, 20)
    .action(listEvents);
  events
    .command('show')
    .description('one event with its payload')
    .argument('<id>', "Stripe's id, evt_…")
    .option('--json', 'print it as JSON')
    .action(showEvent);
  addFilter(
    events
      .command('replay')
      .description('take events through the path again; one that was processed changes nothing, so repeat it freely')
      .argument('[ids...]', 'which; or say it with the options'),
  )
    .option('--dry-run', 'only count them')
    .option('--reason <text>', 'why, for the audit')
    .action(replayEvents);
};
