import type { Live } from '../live/live.js';
import type { LiveRecurring } from '../live/live-recurring.js';
import type { LiveRefunds } from '../live/live-refunds.js';
import type { Activation } from '../payments/activation.js';
import type { Payments } from '../payments/payments.js';
import type { Plans } from '../payments/plan.js';
import type { Problems } from '../payments/problems.js';
import type { Recurring } from '../payments/recurring.js';
import type { Refunds } from '../payments/refunds.js';
import type { RoleManagement } from '../payments/role-management.js';
import type { Settings } from '../payments/settings.js';
import type { Events } from '../webhooks/event-replay.js';
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
}
