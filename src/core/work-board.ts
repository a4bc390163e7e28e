/** Code of the developer's that runs: if it never gives back control, this is what is told of it. */
export interface Work {
  readonly sort: 'flow' | 'effect' | 'files';
  /** The flow's file, the effect's name, the folder that is loaded. */
  readonly name: string;
  /** The order that a flow is about, or the effect's idempotency key. */
  readonly subject: string;
  /** The webhook event that it runs for, if any. */
  readonly event?: object | undefined;
}

/** One run of such code. */
export interface Mark {
  /** What it waited for has come: its code goes on. */
  resume(): void;
  end(): void;
}

/** Where runs are noted down before they begin. */
export interface Watch {
  begin(work: Work): Mark;
}

/** Nobody looks. */
export const UNWATCHED: Watch = { begin: () => ({ resume: () => undefined, end: () => undefined }) };

/** A note in memory that two threads share: one writes what runs, the other reads it, also while the first is stuck. */
export interface WorkBoard extends Watch {
  /** The sign of life of the thread that writes. */
  beat(): void;
  /** How often it beat. */
  beats(): number;
  /** What has begun and not ended, the last to go on first. */
  read(): Work[];
}

const BEATS = 0;
const STEPS = 1;
const HEADER = 2;
/** More at once overwrite the one that has rested longest: such a one hangs, and doesn't hold up the process. */
const SLOTS = 48;
const SLOT_BYTES = 64 * 1024;
const TEXTS_AT = 4 * (HEADER + 2 * SLOTS);

/** Memory for one board. */
export const createBoardMemory = (): SharedArrayBuffer => new SharedArrayBuffer(TEXTS_AT + SLOTS * SLOT_BYTES);

/** An event too large for its slot is left out: Stripe sends it again. */
const textOf = (work: Work): string => {
  const text = JSON.stringify(work);
  return Buffer.byteLength(text) <= SLOT_BYTES ? text : JSON.stringify({ ...work, event: undefined });
};

/** The board over this memory. Only one thread may write. */
export const createWorkBoard = (memory: SharedArrayBuffer): WorkBoard => {
  const numbers = new Int32Array(memory, 0, HEADER + 2 * SLOTS);
  const owners = new Array<Mark | undefined>(SLOTS).fill(undefined);
  const stepAt = (slot: number): number => HEADER + 2 * slot;
  const stepOf = (slot: number): number => Atomics.load(numbers, stepAt(slot));
  const bytesOf = (slot: number): Buffer => Buffer.from(memory, TEXTS_AT + slot * SLOT_BYTES, SLOT_BYTES);
  const touch = (slot: number): void => {
    Atomics.store(numbers, stepAt(slot), Atomics.add(numbers, STEPS, 1) + 1);
  };
  const slots = Array.from({ length: SLOTS }, (_, slot) => slot);
  /** A free one has step 0. */
  const longestRested = (): number => slots.reduce((least, slot) => (stepOf(slot) < stepOf(least) ? slot : least), 0);

  return {
    begin(work) {
      const slot = longestRested();
      Atomics.store(numbers, stepAt(slot) + 1, bytesOf(slot).write(textOf(work)));
      touch(slot);
      const mark: Mark = {
        resume() {
          if (owners[slot] === mark) touch(slot);
        },
        end() {
          if (owners[slot] !== mark) return;
          owners[slot] = undefined;
          Atomics.store(numbers, stepAt(slot), 0);
        },
      };
      owners[slot] = mark;
      return mark;
    },
    beat: () => void Atomics.add(numbers, BEATS, 1),
    beats: () => Atomics.load(numbers, BEATS),
    read: () =>
      slots
        .filter((slot) => stepOf(slot) > 0)
        .sort((a, b) => stepOf(b) - stepOf(a))
        .map((slot) => {
          const length = Atomics.load(numbers, stepAt(slot) + 1);
          return JSON.parse(bytesOf(slot).toString('utf8', 0, length)) as Work;
        }),
  };
};
