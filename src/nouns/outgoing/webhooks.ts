import { randomBytes } from 'node:crypto';
import { BadUserInputError, IllegalTransitionError, NotFoundError } from '../../core/errors.js';
import { isNodeId } from '../../core/node-id.js';
import type { Page } from '../../core/page.js';
import { type AskedBy, readReason } from '../../core/reason.js';
import type { Vault } from '../../installation/encryption.js';
import type { Orders } from '../../orders/orders.js';
import { writeAudit } from '../../storage/audit.js';
import type { Database, Queryable, Tx } from '../../storage/database.js';
import type { Condition } from '../../storage/listing.js';
import { paymentsSought, type Sought, soughtBy } from '../payments/list.js';
import { type NamedHosts, readAddress } from './address.js';
import { type Deliveries, type PayloadOf, SECRET_PURPOSE } from './deliver.js';
import { OUTGOING_EVENT_TYPES, type OutgoingDelivery, type OutgoingWebhook, TEST_EVENT_TYPE } from './row.js';
import {
  type DeliveryFilter,
  endWebhook,
  findDelivery,
  findWebhook,
  insertDelivery,
  insertWebhook,
  listDeliveries,
  listWebhooks,
  lockWebhook,
  type SigningWebhook,
  sendAgain,
  sendDeadAgain,
  updateSecrets,
  updateWebhook,
  type WebhookFields,
} from './rows.js';

/** An endpoint with its signing secret, which is shown this once. */
export interface WithSecret {
  readonly webhook: OutgoingWebhook;
  /** `whsec_…`, as Standard Webhooks has it. */
  readonly secret: string;
}

/** What an operator says of an endpoint; what is left out is as a new one has it. */
export interface WebhookInput {
  readonly url: string;
  readonly eventTypes: readonly string[];
  readonly description?: string | undefined;
  readonly enabled?: boolean | undefined;
}

/** Where else changes are told, for those who decide it. */
export interface OutgoingWebhooks {
  list(): Promise<OutgoingWebhook[]>;
  /** @throws BadUserInputError, and NotConfiguredError without an encryption key */
  create(input: WebhookInput, actor: string): Promise<WithSecret>;
  /** One that ended begins again where it is enabled. @throws NotFoundError, BadUserInputError */
  update(id: string, input: WebhookInput, actor: string): Promise<OutgoingWebhook>;
  /** What waits for it is given up on. @throws NotFoundError */
  delete(id: string, actor: string): Promise<void>;
  /** Gives a new secret; the old one signs too for a day. @throws NotFoundError */
  rotateSecret(id: string, actor: string): Promise<WithSecret>;
  /** Sends a test message now and gives how that went. @throws NotFoundError, IllegalTransitionError where it is switched off */
  test(id: string): Promise<OutgoingDelivery>;
  /** Sends a message once more, soon. @throws NotFoundError, IllegalTransitionError where its endpoint is switched off */
  redeliver(id: string, by: AskedBy): Promise<OutgoingDelivery>;
  /**
   * Sends all messages of an endpoint once more, soon, that were given up on, and gives how many; twice at once sends each once.
   *
   * @throws NotFoundError, IllegalTransitionError where it is switched off
   */
  redeliverDead(webhookId: string, by: AskedBy): Promise<number>;
  /** Newest first; of all endpoints where none is named. */
  deliveries(
    filter: Omit<DeliveryFilter, 'conditions'> & {
      readonly search?: string | undefined;
      /** The row that is told of; a payment's refunds and disputes are told of with it. */
      readonly nodeId?: string | undefined;
    },
  ): Promise<Page<OutgoingDelivery>>;
  payloadOf: PayloadOf;
}

interface Parts {
  readonly database: Database;
  readonly orders: Pick<Orders, 'keyOf'>;
  readonly vault: Vault;
  readonly hosts: NamedHosts;
  readonly deliveries: Pick<Deliveries, 'deliver'>;
  readonly payloadOf: PayloadOf;
}

const SECRET_BYTES = 32;
const OVERLAP_MS = 24 * 3_600_000;
const LEASE_SECONDS = 30;
const DESCRIPTION_LENGTH = 500;

const fieldsOf = ({ url, eventTypes, description, enabled = true }: WebhookInput, hosts: NamedHosts): WebhookFields => {
  const known: ReadonlySet<string> = new Set(OUTGOING_EVENT_TYPES);
  const unknown = eventTypes.filter((type) => !known.has(type));
  if (eventTypes.length === 0 || unknown.length > 0)
    throw new BadUserInputError(
      `eventTypes must name some of: ${OUTGOING_EVENT_TYPES.join(', ')}.${unknown.length > 0 ? ` There is no ${unknown.join(', ')}.` : ''}`,
    );
  if ((description?.length ?? 0) > DESCRIPTION_LENGTH)
    throw new BadUserInputError(`description has at most ${DESCRIPTION_LENGTH} characters.`);
  return {
    url: readAddress(url, hosts).href,
    eventTypes: [...new Set(eventTypes)],
    description: description ?? null,
    enabled,
  };
};

const newSecret = (): string => `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`;

const only = <Row>([row]: readonly Row[], kind: string, id: string): Row => {
  if (row === undefined) throw new NotFoundError(kind, id);
  return row;
};

const readWebhook = async (on: Queryable, id: string, read = findWebhook): Promise<SigningWebhook> =>
  only(isNodeId(id) ? await on.query<SigningWebhook>(read(id)) : [], 'outgoing webhook', id);

const lock = (tx: Tx, id: string): Promise<SigningWebhook> => readWebhook(tx, id, lockWebhook);

const assertEnabled = ({ id, enabled, endedReason }: OutgoingWebhook): void => {
  if (!enabled)
    throw new IllegalTransitionError(
      `Outgoing webhook ${id} is switched off${endedReason === null ? '' : ` (${endedReason})`}. Enable it first.`,
    );
};

/** What the audit keeps: everything but the secret. */
const detailOf = ({ id, url, eventTypes, enabled }: OutgoingWebhook): object => ({ id, url, eventTypes, enabled });

const NONE: Page<never> = { rows: [], hasNextPage: false };

/** Told of the row itself, or of a payment that something is an id of, or of that one's refunds and disputes. */
const isOf =
  (sought: Sought): Condition =>
  (bind) => {
    const given = `${bind(sought.text)}::text`;
    return `d.id in (select id from tollgate.outgoing_delivery where node_id = ${given}
      union all select id from tollgate.outgoing_delivery where node_id in (
        select f.id::text from (${paymentsSought(sought, bind)}) as f
        union all select id::text from tollgate.refund where stripe_refund_id = ${given}
        union all select id::text from tollgate.dispute where stripe_dispute_id = ${given}
        union all select id::text from tollgate.recurring_payment where stripe_subscription_id = ${given}))`;
  };

/** Told of the row, or of its refunds or disputes where it is a payment. */
const isAbout =
  (id: string): Condition =>
  (bind) => {
    const given = `${bind(id)}::bigint`;
    return `d.node_id in (select ${given}::text union all select id::text from tollgate.refund where payment_id = ${given}
      union all select id::text from tollgate.dispute where payment_id = ${given})`;
  };

/** Builds what an operator does about outgoing webhooks. */
export const createOutgoingWebhooks = ({
  database,
  orders,
  vault,
  hosts,
  deliveries,
  payloadOf,
}: Parts): OutgoingWebhooks => ({
  payloadOf,

  list: () => database.query<OutgoingWebhook>(listWebhooks),

  create: (input, actor) =>
    database.transaction(async (tx) => {
      const secret = newSecret();
      const sealed = [{ sealed: vault.seal(secret, SECRET_PURPOSE), until: null }];
      const rows = await tx.query<OutgoingWebhook>(insertWebhook(fieldsOf(input, hosts), sealed));
      const webhook = only(rows, 'outgoing webhook', '');
      tx.send(writeAudit(actor, 'OUTGOING_WEBHOOK_CREATED', detailOf(webhook)));
      return { webhook, secret };
    }),

  update: (id, input, actor) =>
    database.transaction(async (tx) => {
      const before = await lock(tx, id);
      const [webhook = before] = await tx.query<OutgoingWebhook>(updateWebhook(id, fieldsOf(input, hosts)));
      tx.send(writeAudit(actor, 'OUTGOING_WEBHOOK_UPDATED', { from: detailOf(before), to: detailOf(webhook) }));
      return webhook;
    }),

  delete: (id, actor) =>
    database.transaction(async (tx) => {
      const webhook = await lock(tx, id);
      tx.send(endWebhook(id, { reason: 'The endpoint was deleted.' }));
      tx.send(writeAudit(actor, 'OUTGOING_WEBHOOK_DELETED', detailOf(webhook)));
    }),

  rotateSecret: (id, actor) =>
    database.transaction(async (tx) => {
      const before = await lock(tx, id);
      const secret = newSecret();
      const until = new Date(Date.now() + OVERLAP_MS).toISOString();
      // Of the old ones the newest alone stays for the overlap.
      const old = before.secrets.filter((one) => one.until === null).map(({ sealed }) => ({ sealed, until }));
      const secrets = [{ sealed: vault.seal(secret, SECRET_PURPOSE), until: null }, ...old];
      const [webhook = before] = await tx.query<OutgoingWebhook>(updateSecrets(id, secrets));
      tx.send(writeAudit(actor, 'OUTGOING_WEBHOOK_SECRET_ROTATED', { id }));
      return { webhook, secret };
    }),

  async test(id) {
    const webhook = await readWebhook(database, id);
    assertEnabled(webhook);
    const message = { webhookId: id, eventType: TEST_EVENT_TYPE, snapshot: { message: 'A test message of Tollgate.' } };
    const rows = await database.query<OutgoingDelivery>(insertDelivery(message, LEASE_SECONDS));
    return deliveries.deliver(webhook, only(rows, 'delivery', ''));
  },

  redeliver: (id, { actor, reason }) =>
    database.transaction(async (tx) => {
      const why = readReason(reason);
      const found = isNodeId(id) ? await tx.query<OutgoingDelivery>(findDelivery(id)) : [];
      const delivery = only(found, 'delivery', id);
      assertEnabled(await lock(tx, delivery.webhookId));
      const [again = delivery] = await tx.query<OutgoingDelivery>(sendAgain(id));
      const detail = { deliveryId: id, webhookId: delivery.webhookId, reason: why };
      tx.send(writeAudit(actor, 'OUTGOING_WEBHOOK_REDELIVERED', detail));
      return again;
    }),

  redeliverDead: (webhookId, { actor, reason }) =>
    database.transaction(async (tx) => {
      const why = readReason(reason);
      assertEnabled(await lock(tx, webhookId));
      const { length: count } = await tx.query(sendDeadAgain(webhookId));
      if (count > 0)
        tx.send(writeAudit(actor, 'OUTGOING_WEBHOOK_REDELIVERED', { webhookId, deliveries: count, reason: why }));
      return count;
    }),

  async deliveries({ search, nodeId, ...filter }) {
    if ([filter.webhookId, nodeId].some((id) => id !== undefined && !isNodeId(id))) return NONE;
    const found = await soughtBy(search, orders, isOf);
    const conditions = found && [...found, ...(nodeId === undefined ? [] : [isAbout(nodeId)])];
    return conditions ? listDeliveries(database, { ...filter, conditions }) : NONE;
  },
});
