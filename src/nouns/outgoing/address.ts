import dns from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { BadUserInputError } from '../../core/errors.js';

/** Which hosts may be told over plain HTTP and at private addresses: those that the operator names. */
export type NamedHosts = ReadonlySet<string>;

const URL_LENGTH = 2_000;

/** IPv4 addresses that are not of the public internet. Source: IANA IPv4 Special-Purpose Address Registry. */
const SPECIAL_IPV4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
];
/** Of IPv6 only global unicast is public, without these. Source: IANA IPv6 Special-Purpose Address Registry. */
const GLOBAL_IPV6 = ['2000::/3'];
const SPECIAL_IPV6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

const listOf = (subnets: readonly string[], family: 'ipv4' | 'ipv6'): BlockList => {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [address = '', prefix] = subnet.split('/');
    list.addSubnet(address, Number(prefix), family);
  }
  return list;
};
const specialIpv4 = listOf(SPECIAL_IPV4, 'ipv4');
const globalIpv6 = listOf(GLOBAL_IPV6, 'ipv6');
const specialIpv6 = listOf(SPECIAL_IPV6, 'ipv6');

/** Whether an address is one of the public internet. */
export const isPublic = (address: string): boolean =>
  isIP(address) === 4
    ? !specialIpv4.check(address, 'ipv4')
    : globalIpv6.check(address, 'ipv6') && !specialIpv6.check(address, 'ipv6');

/** A name led to an address that is none of the public internet. */
class PrivateAddressError extends Error {
  constructor(host: string) {
    super(`${host} leads to a private address. Name it in TOLLGATE_OUTGOING_HOSTS if it is meant.`);
    this.name = 'PrivateAddressError';
  }
}

const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[(.*)\]$/, '$1');

/**
 * Reads where an endpoint is: https, or a host that the operator named, without user and password. What a name leads to is looked at
 * when something is sent.
 *
 * @throws BadUserInputError
 */
export const readAddress = (text: string, named: NamedHosts): URL => {
  if (text.length > URL_LENGTH || !URL.canParse(text))
    throw new BadUserInputError('url is not an address. Write https://….');
  const url = new URL(text);
  const host = hostOf(url);
  if (url.username !== '' || url.password !== '')
    throw new BadUserInputError('url holds a user or password. Who receives checks the signature instead.');
  if (named.has(host) && ['http:', 'https:'].includes(url.protocol)) return url;
  if (url.protocol !== 'https:')
    throw new BadUserInputError('url must begin with https://, or its host be named in TOLLGATE_OUTGOING_HOSTS.');
  if (isIP(host) !== 0 && !isPublic(host)) throw new BadUserInputError(new PrivateAddressError(host).message);
  return url;
};

/** Looks a name up for a connection, and refuses private addresses of hosts that the operator didn't name. */
export const lookupFor =
  (named: NamedHosts, resolve: typeof dns.lookup = dns.lookup): LookupFunction =>
  (host, options, callback) => {
    resolve(host, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, []);
      if (!named.has(host) && !addresses.every(({ address }) => isPublic(address)))
        return callback(new PrivateAddressError(host), []);
      const [first] = addresses;
      if (options.all) callback(null, addresses);
      else callback(null, first?.address ?? '', first?.family);
    });
  };
