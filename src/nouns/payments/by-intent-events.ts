import type { Applied, Told } from '../../inbox/handler.js';
import { createTogether, type Matched, type Rider, type Shared, type Together } from '../../inbox/together.js';
import type { Orders } from '../../orders/orders.js';
import type { Tx } from '../../storage/database.js';
import type { Payment } from './row.js';
import { lockFree } from './rows.js';

/** Locks what is free of the payments of these intents, their orders first, and gives them by their intents. */
export const lockFreeByIntent = async (
  tx: Tx,
  intentIds: readonly string[],
  orders: Pick<Orders, 'lockFreeSql'>,
): Promise<ReadonlyMap<string, Payment>> => {
  const rows = await tx.query<Payment>(lockFree(intentIds, await orders.lockFreeSql()));
  return new Map(rows.map((row) => [row.stripePaymentIntentId ?? '', row]));
};

interface ByIntent {
  readonly orders: Pick<Orders, 'lockFreeSql'>;
  /** The intent of an event whose payload can decide; null where it must go alone. @throws NotAnAnswerError */
  intentOf(event: Told['event']): string | null;
  /** The recipe of one alone, over a locked payment; its flow waits in `turns`. What isn't processed has written nothing. */
  apply(shared: Shared, payment: Payment, told: Told): Promise<Applied>;
}

/** Builds how events of what hangs on payments are applied together: each by its own recipe, their statements in the same packets. */
export const createTogetherByIntent = ({ orders, intentOf, apply }: ByIntent): Together =>
  createTogether({
    read(event): Rider | undefined {
      const key = intentOf(event);
      return key === null ? undefined : { event, key };
    },
    lockFree: (tx, intentIds) => lockFreeByIntent(tx, intentIds, orders),
    applyAll: (shared, matched: readonly Matched<Rider, Payment>[]) =>
      Promise.all(matched.map(({ rider: { event }, row }) => apply(shared, row, { event, actor: 'stripe' }))),
  });
