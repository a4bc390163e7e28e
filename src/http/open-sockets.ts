import type { SocketLink } from './socket-link.js';

/** How many parts of a ping's interval there are; in each as many of the sockets are pinged. */
const SLICES = 12;

/** All sockets of one server, with the timers that they share: ten thousand of their own would cost as much as the sockets. */
export interface OpenSockets {
  readonly links: ReadonlySet<SocketLink>;
  add(link: SocketLink): void;
  /** Calls back once, when that time is reached, unless the link has ended before. */
  expire(link: SocketLink, at: Date): void;
  remove(link: SocketLink): void;
  /** Stops the timers; what is open stays open. */
  stop(): void;
}

/** The longest delay that setTimeout keeps; a longer one would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** Pings each socket once in so many milliseconds, and calls back for those whose token ends. */
export const createOpenSockets = ({
  pingMs,
  onExpired,
}: {
  readonly pingMs: number;
  readonly onExpired: (link: SocketLink) => void;
}): OpenSockets => {
  const links = new Set<SocketLink>();
  const slices = Array.from({ length: SLICES }, () => new Set<SocketLink>());
  const expiring = new Map<number, { readonly links: Set<SocketLink>; timer?: NodeJS.Timeout }>();
  let slice = 0;

  const beat = setInterval(() => {
    slice = (slice + 1) % SLICES;
    for (const link of slices[slice] ?? []) link.beat();
  }, pingMs / SLICES).unref();

  const arm = (atMs: number): void => {
    const due = expiring.get(atMs);
    if (!due) return;
    const leftMs = atMs - Date.now();
    const fire = (): void => {
      expiring.delete(atMs);
      for (const link of due.links) onExpired(link);
    };
    const isFar = leftMs > MAX_DELAY_MS;
    due.timer = setTimeout(() => (isFar ? arm(atMs) : fire()), Math.min(Math.max(leftMs, 0), MAX_DELAY_MS)).unref();
  };

  return {
    links,
    add: (link) => {
      links.add(link);
      slices[slice]?.add(link); // its turn comes a whole interval from now
    },
    expire: (link, at) => {
      link.expiresAt = at;
      const due = expiring.get(at.getTime());
      if (due) due.links.add(link);
      else {
        expiring.set(at.getTime(), { links: new Set([link]) });
        arm(at.getTime());
      }
    },
    remove: (link) => {
      links.delete(link);
      for (const each of slices) each.delete(link);
      const atMs = link.expiresAt?.getTime();
      const due = atMs === undefined ? undefined : expiring.get(atMs);
      due?.links.delete(link);
      if (atMs === undefined || !due || due.links.size > 0) return;
      clearTimeout(due.timer);
      expiring.delete(atMs);
    },
    stop: () => {
      clearInterval(beat);
      for (const { timer } of expiring.values()) clearTimeout(timer);
    },
  };
};
