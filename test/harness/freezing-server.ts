import { execFileSync } from 'node:child_process';
import type { Flows } from '../../src/flows/flows.js';
import { run } from '../../src/main.js';

/** An order of this amount, or a renewal's, holds up the server: TOLLGATE_FREEZE says in which flow, and how. */
export const FREEZING_AMOUNT = 6_600;

const [where = '', how = ''] = (process.env['TOLLGATE_FREEZE'] ?? '').split(' ');

const freeze = async (): Promise<void> => {
  if (how === 'loop') for (;;);
  // The same without a core: JavaScript runs, and never gives back.
  if (how === 'hold') for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  if (how === 'microtasks') for (;;) await undefined;
  if (how === 'call') execFileSync('sleep', ['600']);
};

const isFreezing = (at: string, amount: number): boolean => at === where && amount === FREEZING_AMOUNT;

const freezing = (flows: Flows): Flows => ({
  ...flows,
  paymentCallback: {
    async run(data, context) {
      await context.db.query('select 1');
      if (isFreezing('payment-callback', data.payment.amount)) await freeze();
      if (isFreezing('effect', data.payment.amount)) context.effects.add('mail', null, { idempotencyKey: 'mail-1' });
      await flows.paymentCallback.run(data, context);
    },
  },
  recurringCharge: {
    ...flows.recurringCharge,
    async createOrder(charge, context) {
      if (where === 'recurring-charge') await freeze();
      return flows.recurringCharge.createOrder(charge, context);
    },
  },
  effects: new Map([['mail', { run: freeze }]]),
});

if (process.argv[1]?.includes('freezing-server')) await run({ adapt: freezing });
