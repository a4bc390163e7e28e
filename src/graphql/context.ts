import type { Problems } from '../doctor/problems.js';
import type { Events } from '../inbox/event-replay.js';
import type { Plans } from '../installation/plan.js';
import type { RoleManagement } from '../installation/role-management.js';
import type { Settings } from '../installation/settings.js';
import type { Payments } from '../nouns/payments/payments.js';
import type { Live } from '../nouns/payments/watch.js';
import type { Recurring } from '../nouns/recurring/recurring.js';
import type { LiveRecurring } from '../nouns/recurring/watch.js';
import type { Refunds } from '../nouns/refunds/refunds.js';
import type { LiveRefunds } from '../nouns/refunds/watch.js';
import type { Activation } from '../orders/activation.js';
import type { Session } from './session.js';

/** The parts of the domain that fields call. */
export interface Domain {
  readonly payments: Payments;
  readonly refunds: Refunds;
  readonly recurring: Recurring;
  readonly settings: Settings;
  readonly problems: Problems;
  readonly plans: Plans;
  readonly activation: Activation;
  readonly roleManagement: RoleManagement;
  readonly events: Events;
  /** Where a sandbox, or another Stripe-compatible server, stands in for Stripe. */
  readonly sandboxUrl?: string;
  readonly live: Live & Pick<LiveRefunds, 'refunds'> & Pick<LiveRecurring, 'recurringPayment'>;
}

/** What every resolver gets: the domain, and who asks. */
export interface Context extends Domain {
  readonly session: Session;
  /** Also in the answer's `x-request-id` and in the log. */
  readonly requestId: string;
  /** Whether the client went away, so that nobody waits for the answer any more. */
  isGone(): boolean;
}
