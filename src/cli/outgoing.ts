import { type Command, Option } from 'commander';
import {
  DELIVERY_STATUSES,
  type DeliveryStatus,
  OUTGOING_EVENT_TYPES,
  type OutgoingDelivery,
  type OutgoingWebhook,
} from '../nouns/outgoing/row.js';
import type { OutgoingWebhooks } from '../nouns/outgoing/webhooks.js';
import { withOperations } from './operations.js';
import { createOutput, type JsonOption, UsageError } from './output.js';
import { oneLine, toTable } from './table.js';

const OPERATOR = 'operator';
const MOST = 100;

const withOutgoing = <T>(work: (outgoing: OutgoingWebhooks) => Promise<T>): Promise<T> =>
  withOperations({}, ({ outgoing }) => work(outgoing));

const wordsOf = ({ id, url, eventTypes, enabled }: OutgoingWebhook): string =>
  `Outgoing webhook ${id}: ${url} is told of ${eventTypes.join(', ')}${enabled ? '' : '; it is switched off'}.`;

const list = async (options: JsonOption): Promise<void> => {
  const webhooks = await withOutgoing((outgoing) => outgoing.list());
  const table = toTable([
    ['ID', 'URL', 'TOLD OF', 'STATE'],
    ...webhooks.map(({ id, url, eventTypes, enabled, endedReason }) => [
      id,
      oneLine(url, 80),
      eventTypes.join(', '),
      enabled ? 'on' : `off${endedReason === null ? '' : `: ${endedReason}`}`,
    ]),
  ]);
  createOutput(options).data({ webhooks }, webhooks.length === 0 ? 'Changes are told nowhere else.' : table);
};

interface InputOptions extends JsonOption {
  readonly events?: string;
  readonly description?: string;
}

const create = async (url: string, { events, description, ...options }: InputOptions): Promise<void> => {
  const eventTypes = events?.split(',').map((type) => type.trim()) ?? OUTGOING_EVENT_TYPES;
  const { webhook, secret } = await withOutgoing((outgoing) =>
    outgoing.create({ url, eventTypes, description }, OPERATOR),
  );
  createOutput(options).data(
    { webhook, secret },
    `${wordsOf(webhook)}\nIts signing secret, which is shown this once: ${secret}`,
  );
};

const remove = async (id: string, options: JsonOption): Promise<void> => {
  await withOutgoing((outgoing) => outgoing.delete(id, OPERATOR));
  createOutput(options).data({ id }, `Outgoing webhook ${id} is deleted.`);
};

const rotate = async (id: string, options: JsonOption): Promise<void> => {
  const { webhook, secret } = await withOutgoing((outgoing) => outgoing.rotateSecret(id, OPERATOR));
  createOutput(options).data(
    { webhook, secret },
    `The new signing secret, which is shown this once: ${secret}\nThe old one signs too for a day.`,
  );
};

const endOf = ({ id, status, lastStatusCode, lastError }: OutgoingDelivery): string =>
  `Delivery ${id} is ${status}${lastError === null ? '' : `: ${lastError}`}${status === 'DELIVERED' ? ` (${lastStatusCode})` : ''}`;

const test = async (id: string, options: JsonOption): Promise<void> => {
  const delivery = await withOutgoing((outgoing) => outgoing.test(id));
  createOutput(options).data({ delivery }, endOf(delivery));
  if (delivery.status !== 'DELIVERED') process.exitCode = 1;
};

const deliveries = async (
  webhookId: string,
  options: JsonOption & { readonly status?: DeliveryStatus },
): Promise<void> => {
  const { rows } = await withOutgoing((outgoing) =>
    outgoing.deliveries({ webhookId, status: options.status, first: MOST }),
  );
  const table = toTable([
    ['ID', 'EVENT', 'ROW', 'STATUS', 'ATTEMPTS', 'LAST', 'QUEUED'],
    ...rows.map((one) => [
      one.id,
      one.eventType,
      one.nodeId === null ? '' : `${one.nodeId} v${one.version}`,
      one.status,
      String(one.attempts),
      oneLine(one.lastError ?? String(one.lastStatusCode ?? ''), 60),
      one.createdAt.toISOString(),
    ]),
  ]);
  createOutput(options).data({ deliveries: rows }, rows.length === 0 ? 'There are none.' : table);
};

interface RedeliverOptions extends JsonOption {
  readonly dead?: string;
  readonly reason?: string;
}

const redeliver = async (id: string | undefined, options: RedeliverOptions): Promise<void> => {
  const { dead: webhookId, reason } = options;
  const by = { actor: OPERATOR, reason };
  if (id !== undefined && webhookId === undefined) {
    const delivery = await withOutgoing((outgoing) => outgoing.redeliver(id, by));
    return createOutput(options).data({ delivery }, `Delivery ${id} is sent again by the server within seconds.`);
  }
  if (id !== undefined || webhookId === undefined)
    throw new UsageError('Name a delivery, or with --dead the webhook whose dead ones are meant; not both.');
  const deliveries = await withOutgoing((outgoing) => outgoing.redeliverDead(webhookId, by));
  createOutput(options).data({ webhookId, deliveries }, `${deliveries} are sent again by the server within seconds.`);
};

/** Adds the commands over outgoing webhooks. */
export const addOutgoingCommands = (program: Command): void => {
  const outgoing = program
    .command('outgoing')
    .description('where else changes are told: signed webhooks to other systems');
  const command = (name: string, description: string, argument?: readonly [string, string]): Command => {
    const made = outgoing.command(name).description(description).option('--json', 'print it as JSON');
    return argument ? made.argument(...argument) : made;
  };
  const ID = ['<id>', 'its id'] as const;
  command('list', 'where').action(list);
  command('create', 'tell an address, and print its signing secret', ['<url>', 'https://…'])
    .option('--events <types>', `with commas between; all unless told: ${OUTGOING_EVENT_TYPES.join(', ')}`)
    .option('--description <text>', 'what it is for')
    .action(create);
  command('test', 'send a test message now', ID).action(test);
  command('rotate', 'give it a new secret', ID).action(rotate);
  command('delete', 'tell it no more', ID).action(remove);
  command('deliveries', 'what was sent, newest first', ['<id>', "the webhook's id"])
    .addOption(new Option('--status <status>', 'those alone').choices(DELIVERY_STATUSES))
    .action(deliveries);
  command('redeliver', 'send a message once more', ['[delivery]', 'its id'])
    .option('--dead <webhook>', 'all of this webhook that were given up on')
    .option('--reason <text>', 'why, for the audit')
    .action(redeliver);
};
