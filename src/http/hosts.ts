import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

/** Whether a host's name or address, as it stands in a URL, can only be this machine (RFC 6761, section 6.3; RFC 1122). */
export const isLoopback = (host: string): boolean => {
  const name = host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');
  return (
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    name === '::1' ||
    (isIP(name) === 4 && name.startsWith('127.'))
  );
};

/** Whether a request is meant for this server. */
export type IsForUs = (request: Pick<IncomingMessage, 'headers'>) => boolean;

/** The refusal of a request that names another host (RFC 9110, section 15.5.20). */
export const MISDIRECTED = {
  status: 421,
  words: 'This run answers to localhost and loopback addresses alone.',
} as const;

/**
 * Makes the check of the Host header. A run that listens on loopback without asking who comes must answer to loopback's
 * names alone: a page of elsewhere may let its own name lead here (DNS rebinding), and is then of the same origin.
 */
export const createHostCheck = ({ loopbackOnly }: { readonly loopbackOnly: boolean }): IsForUs => {
  if (!loopbackOnly) return () => true;
  return ({ headers: { host } }) => {
    const url =
      host !== undefined && /^[^\s@/\\?#]+$/.test(host) && URL.canParse(`http://${host}`)
        ? new URL(`http://${host}`)
        : undefined;
    return url !== undefined && isLoopback(url.hostname);
  };
};
