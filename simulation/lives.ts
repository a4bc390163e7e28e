import type { CrashPoint } from './crash-points.js';
import type { ServerLife } from './server.js';

/** The server of a world, over all its lives: one at a time is talked to. */
export interface Lives {
  /** The one of now; started anew if there is none. */
  current(): Promise<ServerLife>;
  /** Stops the one of now as a signal would; the next who asks starts another. */
  stopCurrent(): Promise<void>;
  /** Stops the one of now, and waits for all that were stopped or killed before. */
  close(): Promise<void>;
}

interface Needs {
  readonly start: (died: (point: CrashPoint | undefined) => void) => Promise<ServerLife>;
  /** A life is the one of now. */
  readonly began: (life: ServerLife) => void;
  /** The one of now is gone; told once a life. */
  readonly ended: () => void;
  readonly died: (point: CrashPoint | undefined) => void;
}

const START_TRIES = 5;

/** Nothing runs yet. */
export const createLives = ({ start, began, ended, died }: Needs): Lives => {
  const stops: Promise<unknown>[] = [];
  let now: Promise<ServerLife> | undefined;

  /** Whoever is talked to no more is stopped, however it came to that. */
  const leave = (life: Promise<ServerLife>): Promise<unknown> => {
    if (now === life) {
      now = undefined;
      ended();
    }
    const stopped = life.then(
      (left) => left.stop(),
      () => undefined,
    );
    stops.push(stopped);
    return stopped;
  };

  const begin = async (mine: () => Promise<ServerLife>): Promise<ServerLife> => {
    for (let tries = 1; ; tries += 1) {
      try {
        const life = await start((point) => {
          died(point);
          void leave(mine());
        });
        if (now === mine()) began(life);
        return life;
      } catch (error) {
        if (tries === START_TRIES) throw error;
      }
    }
  };

  return {
    current() {
      if (now) return now;
      const mine: Promise<ServerLife> = begin(() => mine);
      now = mine;
      mine.catch(() => leave(mine));
      return mine;
    },
    async stopCurrent() {
      if (now) await leave(now);
    },
    async close() {
      if (now) await leave(now);
      await Promise.all(stops);
    },
  };
};
