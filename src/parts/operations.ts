import { createEffectJobs, type EffectJobs } from '../flows/effect-jobs.js';
import type { Drift, DriftRecorder } from '../inbox/drift.js';
import { type AuditLog, createAuditLog } from '../installation/audit-log.js';
import type { WebhookEndpoints } from '../installation/webhook-endpoint.js';
import type { BuiltNouns } from './nouns.js';
import type { Storage } from './storage.js';
import type { StripeDoor } from './stripe-door.js';

/** What an operator does by command. */
export interface Operations extends Pick<StripeDoor, 'events' | 'reconciler'> {
  readonly effects: EffectJobs;
  readonly endpoints: Pick<WebhookEndpoints, 'rotate'>;
  readonly quarantine: BuiltNouns['domain']['quarantine'];
  readonly owedFlows: BuiltNouns['domain']['owedFlows'];
  readonly outgoing: BuiltNouns['domain']['outgoing'];
  readonly retryRenewal: BuiltNouns['domain']['retryRenewal'];
  readonly imports: BuiltNouns['domain']['imports'];
  readonly payments: BuiltNouns['domain']['payments'];
  readonly refunds: BuiltNouns['domain']['refunds'];
  readonly recurring: BuiltNouns['domain']['recurring'];
  readonly audit: AuditLog;
  readonly exports: BuiltNouns['exports'];
  /** What changed, or would have. */
  drift(): Promise<Drift[]>;
}

/** Builds the operator's commands. */
export const createOperations = ({
  storage,
  door,
  nouns,
  endpoints,
  recorder,
  rehearses,
}: {
  storage: Storage;
  door: StripeDoor;
  nouns: BuiltNouns;
  endpoints: WebhookEndpoints;
  recorder: DriftRecorder;
  rehearses: boolean;
}): Operations => ({
  events: door.events,
  effects: createEffectJobs(storage.database),
  endpoints,
  quarantine: nouns.domain.quarantine,
  owedFlows: nouns.domain.owedFlows,
  outgoing: nouns.domain.outgoing,
  retryRenewal: nouns.domain.retryRenewal,
  imports: nouns.domain.imports,
  payments: nouns.domain.payments,
  refunds: nouns.domain.refunds,
  recurring: nouns.domain.recurring,
  audit: createAuditLog(storage.database),
  exports: nouns.exports,
  reconciler: door.reconciler,
  drift: () => recorder.report(rehearses),
});
