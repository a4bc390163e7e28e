import { type QueryClient, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import type { Tollgate } from 'tollgate-client';
import { useConnection } from 'tollgate-client/react';
import { useLanguage } from '../ui/language.js';
import { LIVE, readAgain } from '../ui/load.js';
import { PaymentsChangedDocument } from './operations.js';
import { useTollgate } from './session.js';

/** What is seen is read again at most so often, however fast payments change. */
const PAUSE_MS = 1_500;
/** A stream that the server ended is asked for again. */
const AGAIN_MS = 5_000;

/** Reads what is seen again when a payment changed: at once, then at most once in a pause. */
const createRefresh = (loads: QueryClient) => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isDue = false;
  const read = (): void => {
    isDue = false;
    void readAgain(loads, [LIVE]);
    timer = setTimeout(() => {
      timer = undefined;
      if (isDue) read();
    }, PAUSE_MS);
  };
  return {
    ask: (): void => {
      isDue = true;
      if (timer === undefined) read();
    },
    stop: (): void => clearTimeout(timer),
  };
};

/** Follows all payments until it is stopped; a lost socket comes back by itself. */
const follow = (tollgate: Tollgate, onChange: () => void): (() => void) => {
  let isFollowed = true;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stop: () => void = () => undefined;
  const begin = async (): Promise<void> => {
    const rows = tollgate.watch({
      operation: PaymentsChangedDocument,
      variables: {},
      rowOf: ({ paymentsChanged }) => paymentsChanged,
    });
    stop = () => void rows.return?.();
    try {
      for await (const _ of rows) onChange();
    } catch {
      // Why it was refused is said by what is read: both need the same permission.
    }
    if (isFollowed) timer = setTimeout(() => void begin(), AGAIN_MS);
  };
  void begin();
  return () => {
    isFollowed = false;
    clearTimeout(timer);
    stop();
  };
};

/** Keeps what is seen up to date, and says so where it can't. */
export const LiveUpdates = () => {
  const tollgate = useTollgate();
  const loads = useQueryClient();
  const connection = useConnection(tollgate);
  const wasLost = useRef(false);
  const { t, language } = useLanguage();
  const [since, setSince] = useState<Date>();
  useEffect(() => {
    const refresh = createRefresh(loads);
    const stop = follow(tollgate, refresh.ask);
    return () => {
      stop();
      refresh.stop();
    };
  }, [tollgate, loads]);
  useEffect(() => {
    if (connection === 'lost' && !wasLost.current) setSince(new Date());
    // What happened meanwhile was told to nobody here.
    if (connection === 'open' && wasLost.current) void readAgain(loads, [LIVE]);
    if (connection !== 'connecting') wasLost.current = connection === 'lost';
    if (connection === 'open') setSince(undefined);
  }, [connection, loads]);
  if (!since) return null;
  const time = new Intl.DateTimeFormat(language, { timeStyle: 'medium' }).format(since);
  return (
    <p className="notice bad offline" role="alert" data-code="UNREACHABLE">
      {t('Not connected since {time}: what is shown may be old. It goes on by itself once the server is back.', {
        time,
      })}
    </p>
  );
};
