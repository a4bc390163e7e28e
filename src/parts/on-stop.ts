/** Registers a step of the stop; steps run in reverse. */
export type OnStop = (step: () => Promise<unknown>) => void;
