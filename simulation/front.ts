import { openLink } from './link.js';

/** The address at which Stripe reaches the installation, whichever server lives: as a proxy has it, or a name. */
export interface Front {
  readonly url: string;
  /** From now on it leads to this server; left out, nobody answers. */
  lead(serverUrl?: string): void;
  close(): Promise<void>;
}

/** Opens it; it leads nowhere yet. */
export const openFront = async (): Promise<Front> => {
  let server: URL | undefined;
  const leadsTo = () => server && { host: server.hostname, port: Number(server.port) };
  const link = await openLink(leadsTo, (one, other) => {
    one.pipe(other);
    other.pipe(one);
  });
  return {
    url: `http://127.0.0.1:${link.port}`,
    lead(serverUrl) {
      server = serverUrl === undefined ? undefined : new URL(serverUrl);
    },
    close: link.close,
  };
};
