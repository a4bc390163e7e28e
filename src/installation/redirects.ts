import { BadUserInputError, RedirectNotAllowedError } from '../core/errors.js';

/** Where Stripe's page sends people back to, as a client gave it. */
export interface ReturnAddresses {
  readonly successUrl?: string;
  readonly cancelUrl?: string;
}

/** A row that has a page at Stripe. */
interface Returning {
  readonly id: string;
  readonly successUrl: string | null;
  readonly cancelUrl: string | null;
}

/** Decides where Stripe's pages may send people back to: an open redirect would lend our customers' trust to anybody. */
export interface Redirects {
  /**
   * Gives the addresses as they are kept and sent, in the form that a browser would read.
   *
   * @throws RedirectNotAllowedError for an origin that isn't listed, BadUserInputError for what is no address or is missing
   */
  check(addresses: ReturnAddresses): ReturnAddresses;
  /** The same for one address, called `name`. @throws RedirectNotAllowedError, BadUserInputError */
  checkOne(name: string, address: string): string;
  /** Both addresses of a row, the shop's first page for one that was left out. Always the same for one row. */
  addressesOf(row: Returning, noun: 'payment' | 'recurringPayment' | 'savedMethod'): Required<ReturnAddresses>;
}

/** Stripe's own limit is higher. */
const LENGTH = 2_000;
/** Stripe puts the session's id in its place; a path would hide the braces. Source: Stripe docs, "Customize redirect behavior". */
const PLACEHOLDER = '{CHECKOUT_SESSION_ID}';

const readAddress = (name: string, address: string): URL => {
  const url = URL.canParse(address) && address.length <= LENGTH ? new URL(address) : undefined;
  if (!url)
    throw new BadUserInputError(
      `${name} is no address. Write all of it, at most ${LENGTH} characters: https://shop.example/done.`,
    );
  return url;
};

/** Builds the rules; both are asked at each use, for a server's own address is known only once it listens. */
export const createRedirects = ({
  origins,
  own,
}: {
  /** Origins that people may be sent back to. */
  origins: () => readonly string[];
  /** The page that people come back to where a client names none, the shop's; undefined where nobody said. */
  own: () => string | undefined;
}): Redirects => {
  const check = (name: string, address: string): string => {
    const url = readAddress(name, address);
    const isPlain = /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
    if (!isPlain || !origins().includes(url.origin))
      throw new RedirectNotAllowedError(
        `${name} leads to ${url.origin === 'null' ? 'no web page' : url.origin}, which is not allowed. An operator lists the origins in REDIRECT_ORIGINS.`,
      );
    return url.href.replaceAll(encodeURI(PLACEHOLDER), PLACEHOLDER);
  };

  const ownPage = (noun: string, id: string, outcome: string): string => {
    const base = own();
    if (base === undefined) throw new BadUserInputError('Give successUrl and cancelUrl: where people come back to.');
    return `${base.replace(/\/+$/, '')}/?${noun}=${id}&checkout=${outcome}`;
  };

  return {
    checkOne: check,

    check({ successUrl, cancelUrl }) {
      if (own() === undefined && (successUrl === undefined || cancelUrl === undefined))
        throw new BadUserInputError('Give successUrl and cancelUrl: where people come back to from the checkout page.');
      return {
        ...(successUrl !== undefined && { successUrl: check('successUrl', successUrl) }),
        ...(cancelUrl !== undefined && { cancelUrl: check('cancelUrl', cancelUrl) }),
      };
    },

    addressesOf: ({ id, successUrl, cancelUrl }, noun) => ({
      successUrl: successUrl ?? ownPage(noun, id, 'done'),
      cancelUrl: cancelUrl ?? ownPage(noun, id, 'canceled'),
    }),
  };
};
