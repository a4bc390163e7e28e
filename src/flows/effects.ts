import { randomUUID } from 'node:crypto';
import { carryTrace } from '../core/trace.js';
import type { FlowLog } from './flows.js';

/** What an effect's handler receives besides its payload. */
export interface EffectContext {
  /** The same at every attempt: hand it on to what you call, so that a repeated attempt is told from a second effect. */
  readonly idempotencyKey: string;
  /** Aborted when the time is up, or when the server stops: hand it on to fetch. */
  readonly signal: AbortSignal;
  readonly log: FlowLog;
}

/** Something outside of the database: a mail, a call. It runs at least once, after the change that asked for it is committed. */
export interface Effect {
  /** What flows call it; the file's name unless told. */
  readonly name?: string;
  /** How long one attempt may take, in milliseconds; 30 s unless told. */
  readonly timeoutMs?: number;
  /** After so many failed attempts it is a dead letter; 15 unless told. */
  readonly maxAttempts?: number;
  run(payload: never, context: EffectContext): Promise<unknown> | unknown;
}

/** The developer's effects by their names. */
export type Effects = ReadonlyMap<string, Effect>;

/** How a flow asks for effects. */
export interface FlowEffects {
  /**
   * Queues the effect in the flow's own transaction: it runs if the change is committed, and only then. `payload` is
   * anything JSON can hold. `idempotencyKey` is handed to the handler; a random one unless told.
   *
   * @throws Error for an unknown name or a payload that JSON can't hold; the flow has then failed, even where it goes on
   */
  add(name: string, payload: unknown, options?: { readonly idempotencyKey?: string }): void;
}

/** Which flow asked for an effect, and for what: a payment, also where its refund or dispute changed, or a recurring payment. */
export interface EffectCause {
  readonly flow: string;
  readonly nodeType?: 'PAYMENT' | 'RECURRING_PAYMENT';
  readonly nodeId?: string;
}

/** What the queue keeps of one effect. */
export interface EffectJob {
  readonly payload: unknown;
  readonly idempotencyKey: string;
  /** Missing in what an earlier release queued. */
  readonly cause?: EffectCause;
  /** The trace of the flow that asked for it, where one is made. */
  readonly trace?: Record<string, string>;
}

/** One effect, as the queue takes it. */
export interface JobSpec {
  readonly identifier: string;
  readonly payload: EffectJob;
  readonly max_attempts: number;
}

const MAX_ATTEMPTS = 15;

/** Queues them in the transaction; JSON text travels as a parameter of one statement. */
export const addJobs = (specs: readonly JobSpec[]) => ({
  name: 'effects_add',
  text: `select count(*) as "count" from tollgate_jobs.add_jobs(array(
    select json_populate_record(null::tollgate_jobs.job_spec, s) from json_array_elements($1::json) s))`,
  values: [JSON.stringify(specs)],
});

const checkedPayload = (name: string, payload: unknown): unknown => {
  try {
    return JSON.parse(JSON.stringify(payload ?? null)) as unknown;
  } catch (cause) {
    throw new Error(`The payload of the effect "${name}" can't be kept: JSON does not hold it.`, { cause });
  }
};

/** Collects what one run of a flow adds; `take` gives all of it, or throws what went wrong. */
export const collectEffects = (
  effects: Effects,
  cause: EffectCause,
  isSettled: () => boolean,
): { readonly context: FlowEffects; take(): readonly JobSpec[] } => {
  const added: JobSpec[] = [];
  let failure: Error | undefined;

  const add: FlowEffects['add'] = (name, payload, { idempotencyKey = randomUUID() } = {}) => {
    if (isSettled()) throw new Error('The flow has ended: add effects inside it.');
    const effect = effects.get(name);
    if (!effect) {
      const known = [...effects.keys()].sort().join(', ');
      throw new Error(
        `There is no effect "${name}" in flows/effects; ${known === '' ? 'there are none yet' : `there are: ${known}`}.`,
      );
    }
    const trace = carryTrace();
    added.push({
      identifier: name,
      payload: { payload: checkedPayload(name, payload), idempotencyKey, cause, ...(trace && { trace }) },
      max_attempts: effect.maxAttempts ?? MAX_ATTEMPTS,
    });
  };

  return {
    context: {
      add(...effect) {
        try {
          add(...effect);
        } catch (error) {
          failure ??= error instanceof Error ? error : new Error(String(error));
          throw error;
        }
      },
    },
    take() {
      if (failure) throw failure;
      return added;
    },
  };
};
