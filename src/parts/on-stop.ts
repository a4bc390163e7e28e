/** Registers a step of the stop; steps run in reverse. */
export type OnStop = (step: () => Promise<unknown>) => void;

/** The steps of a stop, and the run through them. */
export interface Stops {
  readonly onStop: OnStop;
  /**
   * Runs the steps in reverse, each whatever became of the one before: one that fails or takes too long is left behind. The
   * second run has nothing left to do.
   *
   * @throws AggregateError, once every step has had its turn, with what failed
   */
  run(): Promise<void>;
}

/** How long a stop may take, in milliseconds. */
export interface StopLimits {
  readonly wholeMs: number;
  readonly stepMs: number;
}

const within = async (step: () => Promise<unknown>, limitMs: number): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`A part did not stop within ${limitMs} ms: ${String(step)}`)), limitMs);
  });
  try {
    await Promise.race([step(), late]);
  } finally {
    clearTimeout(timer);
  }
};

/** No steps yet. */
export const createStops = ({ wholeMs, stepMs }: StopLimits): Stops => {
  const steps: (() => Promise<unknown>)[] = [];
  return {
    onStop: (step) => void steps.push(step),

    async run() {
      const endsAt = performance.now() + wholeMs;
      const failures: unknown[] = [];
      for (const step of steps.splice(0).reverse()) {
        const limitMs = Math.max(0, Math.min(stepMs, Math.round(endsAt - performance.now())));
        await within(step, limitMs).catch((error: unknown) => failures.push(error));
      }
      if (failures.length > 0) throw new AggregateError(failures, 'Some parts did not stop as they should.');
    },
  };
};
