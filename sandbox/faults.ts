import { randomText } from './ids.js';

export const FAULT_KINDS = [
  'duplicate',
  'reorder',
  'delay',
  'drop',
  'same-second',
  'status',
  'timeout',
  'disconnect-after-apply',
  'older',
  'another',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface FaultMatch {
  readonly method?: string;
  /** An API path, or its beginning followed by `*`. */
  readonly path?: string;
  /** An event type, or its beginning followed by `*`; the fault then concerns that event's deliveries. */
  readonly eventType?: string;
}

/** A failure on demand. `docs/sandbox.md` tells what each kind does to requests and to deliveries. */
export interface Fault {
  readonly id: string;
  readonly kind: FaultKind;
  readonly match: FaultMatch;
  /** How often it still strikes. */
  times: number;
  readonly status: number;
  readonly delayMs: number;
  /** For requests: does it strike after the work was done? */
  readonly applied: boolean;
  /** For requests: does the idempotency key keep the answer? */
  readonly saved: boolean;
}

export interface Faults {
  add(fault: Omit<Fault, 'id'>): Fault;
  list(): readonly Fault[];
  clear(): void;
  /** The first fault that concerns this API request; counts as used. */
  takeForRequest(method: string, path: string): Fault | undefined;
  /** The first fault of one of these kinds that concerns this event; counts as used. */
  takeForEvent(eventType: string, kinds: readonly FaultKind[]): Fault | undefined;
}

const fits = (pattern: string | undefined, text: string): boolean =>
  pattern === undefined ||
  (pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : pattern.toLowerCase() === text.toLowerCase());

/** No faults yet. */
export const createFaults = (): Faults => {
  const faults: Fault[] = [];
  const take = (concerns: (fault: Fault) => boolean): Fault | undefined => {
    const found = faults.find(concerns);
    if (!found) return undefined;
    found.times -= 1;
    if (found.times <= 0) faults.splice(faults.indexOf(found), 1);
    return found;
  };
  return {
    add: (fault) => {
      const added = { id: `fault_${randomText(12)}`, ...fault };
      faults.push(added);
      return added;
    },
    list: () => faults,
    clear: () => {
      faults.length = 0;
    },
    takeForRequest: (method, path) =>
      faults.length === 0
        ? undefined
        : take(({ match }) => match.eventType === undefined && fits(match.method, method) && fits(match.path, path)),
    takeForEvent: (eventType, kinds) =>
      faults.length === 0
        ? undefined
        : take(
            ({ kind, match }) =>
              match.eventType !== undefined && kinds.includes(kind) && fits(match.eventType, eventType),
          ),
  };
};
