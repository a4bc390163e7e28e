import type { RateLimits } from './rate-limits.js';
import type { Session } from './session.js';
import type { Turns } from './turns.js';

/** Longer documents take a while to be read and checked. */
const LONG_CHARACTERS = 1_000;

/** Lets an operation begin: counts it, throws RATE_LIMITED, and lets a long document wait its turn. */
export type Admit = (session: Session, document: unknown) => Promise<void>;

/** Makes what every door asks before it reads an operation. */
export const createAdmission =
  (rateLimits: RateLimits, turns: Turns): Admit =>
  async ({ caller, address }, document) => {
    await rateLimits.admit(caller.accountId, address);
    if (typeof document === 'string' && document.length > LONG_CHARACTERS) await turns.next();
  };
