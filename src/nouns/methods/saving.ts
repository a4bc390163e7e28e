import type { Caller } from '../../core/caller.js';
import { IllegalTransitionError, UnauthenticatedError } from '../../core/errors.js';
import { createInFlight } from '../../core/in-flight.js';
import type { ReturnAddresses } from '../../installation/redirects.js';
import type { StripeConnection } from '../../installation/stripe-connection.js';
import type { Tx } from '../../storage/database.js';
import { type IdempotentRequest, idempotentRequest, recall, remember } from '../../storage/idempotent-request.js';
import { refusalOf } from '../../stripe/refusal.js';
import { checkAddresses } from '../payments/pay.js';
import { type MadeSetup, type SetupParts, settleSetup } from './make.js';
import type { MethodSetup } from './row.js';
import { closeSetup, findOpenSetup, findSetup, insertSetup, lockSetups, type SetupScope } from './rows.js';

/** What a client asks for with `savePaymentMethod`. */
export interface SaveRequest extends ReturnAddresses {
  readonly mode: 'ELEMENTS' | 'CHECKOUT';
  readonly idempotencyKey?: string;
}

/** What the browser needs to save a method. */
export interface SaveAnswer {
  readonly clientSecret?: string;
  readonly clientSecretType?: 'SETUP';
  readonly checkoutUrl?: string;
  readonly publishableKey: string;
}

interface Parts extends SetupParts {
  readonly connection: StripeConnection;
}

interface Reserved {
  /** `repeated`: the key was used before for this row. */
  readonly kind: 'made' | 'open' | 'repeated';
  readonly row: MethodSetup;
}

interface Reserving {
  readonly request: SaveRequest;
  readonly idempotency: IdempotentRequest | undefined;
  /** Whether this call itself found its first setup over: the key is bound anew. */
  readonly again: boolean;
}

/** Rounds of finding a setup over and reserving again. */
const ROUNDS = 4;

const reserve = async (tx: Tx, scope: SetupScope, { request, idempotency, again }: Reserving): Promise<Reserved> => {
  await tx.query(lockSetups(scope));
  const earlier = again ? undefined : await recall(tx, idempotency);
  const [known] = earlier === undefined ? [] : await tx.query<MethodSetup>(findSetup(earlier));
  if (known) return { kind: 'repeated', row: known };
  const asked = { mode: request.mode, successUrl: request.successUrl ?? null, cancelUrl: request.cancelUrl ?? null };
  const [open] = await tx.query<MethodSetup>(findOpenSetup(scope));
  const serves =
    open && open.mode === asked.mode && open.successUrl === asked.successUrl && open.cancelUrl === asked.cancelUrl;
  if (open && serves) {
    await remember(tx, idempotency, open.id);
    return { kind: 'open', row: open };
  }
  // What was begun another way takes no money: it may run out by itself.
  if (open) await tx.query(closeSetup(open.id));
  const [row] = await tx.query<MethodSetup>(insertSetup(scope, asked));
  if (!row) throw new Error('The new setup was not returned.');
  await remember(tx, idempotency, row.id);
  return { kind: 'made', row };
};

const answerOf = ({ clientSecret, checkoutUrl }: MadeSetup, publishableKey: string): SaveAnswer => ({
  publishableKey,
  ...(clientSecret !== undefined && { clientSecret, clientSecretType: 'SETUP' as const }),
  ...(checkoutUrl !== undefined && { checkoutUrl }),
});

/**
 * Builds `savePaymentMethod`: one open setup per account, which many calls at once share; one that is over is followed by another.
 * A key gives the setup that it began, and nothing more to do once that is over.
 */
export const createSaving = (parts: Parts) => {
  const { database, connection, redirects } = parts;
  const oneAtATime = createInFlight<MadeSetup>();
  return async (input: SaveRequest, caller: Caller): Promise<SaveAnswer> => {
    const { accountId } = caller;
    if (accountId === null) throw new UnauthenticatedError('A method is saved for an account: send a token.');
    const request = { ...input, ...checkAddresses(input, redirects) };
    const idempotency = idempotentRequest(caller, 'savePaymentMethod', request);
    const access = await connection.access();
    const scope = { accountId, livemode: access.livemode, account: access.account };
    for (let round = 1; round <= ROUNDS; round += 1) {
      // The account's lock is another one than an order's.
      const { kind, row } = await database.transaction((tx) =>
        reserve(tx, scope, { request, idempotency, again: round > 1 }),
      );
      const made = await oneAtATime(row.id, () =>
        settleSetup(parts, row, { access, isFresh: kind === 'made' }).catch((error: unknown) => {
          throw refusalOf(error);
        }),
      );
      if (!made.isOpen) await database.query(closeSetup(row.id));
      if (made.isOpen || kind === 'repeated') return answerOf(made, access.publishableKey);
    }
    throw new IllegalTransitionError('The saving of your methods keeps changing; try again.');
  };
};
