import { useState } from 'react';
import { type TollgateError, toTollgateError } from 'tollgate-client';

/** Something a person sets off, and how it went. */
export interface Action {
  /** Does nothing while it is still under way, so a double click asks once. */
  run(): void;
  readonly busy: boolean;
  /** Why the last run failed. */
  readonly error: TollgateError | undefined;
}

/** Wraps work that a button or a form starts. */
export const useAction = (work: () => Promise<unknown>): Action => {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<TollgateError>();
  const run = async (): Promise<void> => {
    if (busy) return;
    setBusy(true);
    setError(undefined);
    try {
      await work();
    } catch (thrown) {
      setError(toTollgateError(thrown));
    } finally {
      setBusy(false);
    }
  };
  return { run: () => void run(), busy, error };
};
