import type { EffectJobs } from '../flows/effect-jobs.js';
import type { Events } from '../inbox/event-replay.js';
import type { AuditLog } from '../installation/audit-log.js';
import type { ConsoleSessions } from '../installation/console-sessions.js';
import type { Plans } from '../installation/plan.js';
import type { Problems } from '../installation/problems.js';
import type { RoleManagement } from '../installation/role-management.js';
import type { Settings } from '../installation/settings.js';
import type { ReadSetup } from '../installation/setup.js';
import type { Activation } from '../orders/activation.js';
import type { Limits } from './limits.js';
import type { Session } from './session.js';

/** The live streams that subscriptions open; each noun adds its own. */
// biome-ignore lint/suspicious/noEmptyInterface: nouns add to it
export interface LiveStreams {}

/** What the nouns' fields call; each noun adds its own. */
export interface NounDomain {
  readonly live: LiveStreams;
}

/** The parts of the domain that fields call. */
export interface Domain extends NounDomain {
  readonly settings: Settings;
  readonly problems: Problems;
  readonly setup: ReadSetup;
  readonly limits: Limits;
  readonly plans: Plans;
  readonly activation: Activation;
  readonly roleManagement: RoleManagement;
  readonly events: Events;
  readonly effects: EffectJobs;
  readonly audit: AuditLog;
  readonly consoleSessions: Pick<ConsoleSessions, 'begin'>;
  /** The URL of the sandbox, or another Stripe-compatible server, that replaces Stripe. */
  readonly sandboxUrl?: string;
}

/** What every resolver gets: the domain, and who asks. */
export interface Context extends Domain {
  readonly session: Session;
  /** Also in the answer's `x-request-id` and in the log. */
  readonly requestId: string;
  /** Whether the client went away, so that nobody waits for the answer any more. */
  isGone(): boolean;
  /** The door ends when the caller's token does, with all that was begun by it. */
  readonly endsWithToken?: true;
}
