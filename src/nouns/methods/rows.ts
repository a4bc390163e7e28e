import type { Statement } from '../../storage/database.js';
import { selectList } from '../../storage/select-list.js';
import { MethodSetup } from './row.js';

const COLUMNS = selectList(MethodSetup, 's');

/** Whose setups: an account's with the keys that are set. */
export interface SetupScope {
  readonly accountId: string;
  readonly livemode: boolean;
  readonly account: string;
}

const scopeOf = ({ accountId, livemode, account }: SetupScope): [string, boolean, string] => [
  accountId,
  livemode,
  account,
];

/** Keeps requests of one account apart until the transaction ends. */
export const lockSetups = ({ accountId }: SetupScope): Statement => ({
  name: 'setup_account_lock',
  text: `select pg_advisory_xact_lock(hashtextextended('tollgate setups ' || $1, 0))`,
  values: [accountId],
});

export const findSetup = (id: string): Statement => ({
  name: 'setup_find',
  text: `select ${COLUMNS} from tollgate.method_setup s where id = $1`,
  values: [id],
});

export const findOpenSetup = (scope: SetupScope): Statement => ({
  name: 'setup_find_open',
  text: `select ${COLUMNS} from tollgate.method_setup s
    where account_id = $1 and livemode = $2 and stripe_account = $3 and is_open`,
  values: scopeOf(scope),
});

/** Makes a row; the account's lock must be held, and none of it be open. */
export const insertSetup = (
  scope: SetupScope,
  { mode, successUrl, cancelUrl }: Pick<MethodSetup, 'mode' | 'successUrl' | 'cancelUrl'>,
): Statement => ({
  name: 'setup_insert',
  text: `insert into tollgate.method_setup as s (account_id, livemode, stripe_account, mode, success_url, cancel_url, attempted_at)
    values ($1, $2, $3, $4, $5, $6, now()) returning ${COLUMNS}`,
  values: [...scopeOf(scope), mode, successUrl, cancelUrl],
});

/** It is over, or another one is wanted. Twice changes nothing. */
export const closeSetup = (id: string): Statement => ({
  name: 'setup_close',
  text: 'update tollgate.method_setup set is_open = false where id = $1',
  values: [id],
});

/** Keeps the customer that its object is made for, the first that is known; gives the row. */
export const writeSetupCustomer = (id: string, customerId: string): Statement => ({
  name: 'setup_write_customer',
  text: `update tollgate.method_setup s set stripe_customer_id = coalesce(stripe_customer_id, $2) where id = $1
    returning ${COLUMNS}`,
  values: [id, customerId],
});

/** Another customer in place of one that Stripe deleted, and the next attempt; nothing where that was done before. */
export const writeNextSetupCustomer = (id: string, gone: string, customerId: string): Statement => ({
  name: 'setup_write_next_customer',
  text: `update tollgate.method_setup set stripe_customer_id = $3, attempt = attempt + 1, attempted_at = now()
    where id = $1 and stripe_customer_id = $2`,
  values: [id, gone, customerId],
});

/** Keeps the object, the first that is known, and gives its id. */
export const writeSetupObject = (id: string, objectId: string): Statement => ({
  name: 'setup_write_object',
  text: `update tollgate.method_setup set stripe_object_id = coalesce(stripe_object_id, $2) where id = $1
    returning stripe_object_id as "objectId"`,
  values: [id, objectId],
});

/** Drops an object that Stripe doesn't know; gives the row. */
export const forgetSetupObject = (id: string, objectId: string): Statement => ({
  name: 'setup_forget_object',
  text: `update tollgate.method_setup s
    set stripe_object_id = case when stripe_object_id = $2 then null else stripe_object_id end where id = $1
    returning ${COLUMNS}`,
  values: [id, objectId],
});

/** The attempt after this one. Twice changes nothing more. */
export const writeNextSetupAttempt = (id: string, attempt: number): Statement => ({
  name: 'setup_write_next_attempt',
  text: 'update tollgate.method_setup set attempt = attempt + 1, attempted_at = now() where id = $1 and attempt = $2',
  values: [id, attempt],
});
