import type { IncomingMessage } from 'node:http';

/**
 * The client's address. `x-forwarded-for` counts only as far as our own proxies wrote it: with one proxy the last entry,
 * with two the last but one. With none it is what anybody may claim, and is ignored.
 */
export const clientAddress = (request: IncomingMessage, trustedProxies: number): string => {
  const direct = request.socket.remoteAddress ?? 'unknown';
  if (trustedProxies === 0) return direct;
  const forwarded = [request.headers['x-forwarded-for'] ?? []]
    .flat()
    .flatMap((value) => value.split(','))
    .map((value) => value.trim())
    .filter((value) => value !== '');
  return forwarded.at(-trustedProxies) ?? forwarded[0] ?? direct;
};
