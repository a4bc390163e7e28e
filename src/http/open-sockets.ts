import { callAt } from '../graphql/timer.js';
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
  const expiring = new Map<number, { readonly links: Set<SocketLink>; readonly cancel: () => void }>();
  let slice = 0;

  const beat = setInterval(() => {
    slice = (slice + 1) % SLICES;
    for (const link of slices[slice] ?? []) link.beat();
  }, pingMs / SLICES).unref();

  return {
    links,
    add: (link) => {
      links.add(link);
      slices[slice]?.add(link); // its turn comes a whole interval from now
    },
    expire: (link, at) => {
      link.expiresAt = at;
      const due = expiring.get(at.getTime());
      if (due) {
        due.links.add(link);
        return;
      }
      const ending = new Set([link]);
      const cancel = callAt(at, () => {
        expiring.delete(at.getTime());
        for (const each of ending) onExpired(each);
      });
      expiring.set(at.getTime(), { links: ending, cancel });
    },
    remove: (link) => {
      links.delete(link);
      for (const each of slices) each.delete(link);
      const atMs = link.expiresAt?.getTime();
      const due = atMs === undefined ? undefined : expiring.get(atMs);
      due?.links.delete(link);
      if (atMs === undefined || !due || due.links.size > 0) return;
      due.cancel();
      expiring.delete(atMs);
    },
    stop: () => {
      clearInterval(beat);
      for (const { cancel } of expiring.values()) cancel();
    },
  };
};
