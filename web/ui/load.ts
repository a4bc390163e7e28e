import { useCallback, useEffect, useState } from 'react';
import { type TollgateError, toTollgateError } from 'tollgate-client';

/** Something read from a server. */
export interface Loaded<Value> {
  /** The newest answer; stays while a later one fails. */
  readonly value: Value | undefined;
  readonly error: TollgateError | undefined;
  /** Reads again now. */
  reload(): void;
}

/**
 * Reads when the component comes and whenever `key` changes, and again every `everyMs` while the page is in view. An
 * answer that came too late, after another key's, is dropped.
 */
export const useLoaded = <Value>(key: string, read: () => Promise<Value>, everyMs?: number): Loaded<Value> => {
  const [state, setState] = useState<{ key: string; value?: Value; error?: TollgateError | undefined }>({ key });
  const [round, setRound] = useState(0);
  const reload = useCallback(() => setRound((before) => before + 1), []);

  // `key` names what `read` reads; `round` asks again.
  useEffect(() => {
    let isCurrent = true;
    read().then(
      (value) => isCurrent && setState({ key, value }),
      (error: unknown) =>
        isCurrent &&
        setState((before) => ({ ...(before.key === key ? before : { key }), error: toTollgateError(error) })),
    );
    return () => {
      isCurrent = false;
    };
  }, [key, round]);

  useEffect(() => {
    if (everyMs === undefined) return;
    const timer = setInterval(() => document.visibilityState === 'visible' && reload(), everyMs);
    return () => clearInterval(timer);
  }, [everyMs, reload]);

  const { value, error } = state.key === key ? state : {};
  return { value, error, reload };
};
