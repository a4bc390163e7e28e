import type { IncomingMessage } from 'node:http';
import net from 'node:net';

/**
 * The client's address. `x-forwarded-for` counts only as far as our own proxies wrote it: with one proxy the last entry,
 * with two the last but one. With none it is what anybody may claim, and is ignored. Always an address in its one form,
 * without a port, so that a client can't count as many.
 */
export const clientAddress = (request: IncomingMessage, trustedProxies: number): string => {
  const direct = request.socket.remoteAddress ?? 'unknown';
  if (trustedProxies === 0) return direct;
  const forwarded = [request.headers['x-forwarded-for'] ?? []]
    .flat()
    .flatMap((value) => value.split(','))
    .map((value) => value.trim())
    .filter((value) => value !== '');
  const claimed = forwarded.at(-trustedProxies) ?? forwarded[0];
  return (claimed === undefined ? undefined : plainAddress(claimed)) ?? direct;
};

/** An entry as proxies write it: plain, with a port, in brackets, in quotes (RFC 7239, section 6); undefined for a name. */
const plainAddress = (entry: string): string | undefined => {
  const bare = entry.replace(/^"(.*)"$/, '$1');
  const host = /^\[([^\]]+)\](?::\d+)?$/.exec(bare)?.[1] ?? /^([^:]+):\d+$/.exec(bare)?.[1] ?? bare;
  const address = host.replace(/%.*$/, '');
  const family = net.isIP(address);
  if (family === 0) return undefined;
  return new net.SocketAddress({ address, family: family === 4 ? 'ipv4' : 'ipv6' }).address;
};
