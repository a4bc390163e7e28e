import type { Caller } from '../core/caller.js';
import { denial, UnauthenticatedError } from '../core/errors.js';
import type { Permission } from '../core/permissions.js';
import type { Roles } from '../installation/roles.js';
import type { RateLimits } from './rate-limits.js';
import type { TokenVerifier, VerifiedToken } from './token.js';

/** One client's standing for a request or a socket. */
export interface Session {
  /** The caller as last known; a stream's session refreshes it at each message. */
  readonly caller: Caller;
  /** When the token ends; null without a token, or for one without an end. */
  readonly expiresAt: Date | null;
  /** The client's address, for rate limits. */
  readonly address: string;
  /** Asks for the caller's roles again. Throws UNAUTHENTICATED once the token has ended. */
  refresh(): Promise<Caller>;
  /** Ends the console session that the token stands for; false where it stands for none. */
  end(): Promise<boolean>;
}

/**
 * Makes the session of a request or socket from its authorization; nothing at all is the anonymous caller. Throws
 * UNAUTHENTICATED for a bad token, and RATE_LIMITED for too many of them.
 */
export type Authenticate = (authorization: unknown, address: string) => Promise<Session>;

/** The message for a token that ended while its stream was open. */
export const TOKEN_EXPIRED = 'The token has expired. Connect again with a new one.';

/** What sessions are made from. */
export interface AuthenticateParts {
  readonly tokens: TokenVerifier;
  readonly roles: Pick<Roles, 'callerOf'>;
  readonly rateLimits: RateLimits;
}

/** Joins tokens (who) with roles (what they may). */
export const createAuthenticate = ({ tokens, roles, rateLimits }: AuthenticateParts): Authenticate => {
  const identify = async (authorization: unknown, address: string): Promise<VerifiedToken | null> => {
    if (authorization === undefined || authorization === null) return null;
    try {
      return await tokens.verify(bearerToken(authorization));
    } catch (error) {
      await rateLimits.admit(null, address); // guesses count like operations
      throw error;
    }
  };
  return async (authorization, address) => {
    const token = await identify(authorization, address);
    const caller = await roles.callerOf(token?.accountId ?? null, token?.roles ?? []);
    return new TokenSession({ caller, token, address, roles });
  };
};

class TokenSession implements Session {
  caller: Caller;
  readonly address: string;
  readonly #token: VerifiedToken | null;
  readonly #roles: Pick<Roles, 'callerOf'>;

  constructor({ caller, token, address, roles }: TokenSessionParts) {
    this.caller = caller;
    this.address = address;
    this.#token = token;
    this.#roles = roles;
  }

  get expiresAt(): Date | null {
    return this.#token?.expiresAt ?? null;
  }

  async refresh(): Promise<Caller> {
    const token = this.#token;
    if (token?.expiresAt && token.expiresAt.getTime() <= Date.now()) throw new UnauthenticatedError(TOKEN_EXPIRED);
    await token?.session?.assertOpen();
    this.caller = await this.#roles.callerOf(token?.accountId ?? null, token?.roles ?? []);
    return this.caller;
  }

  async end(): Promise<boolean> {
    await this.#token?.session?.end();
    return this.#token?.session !== undefined;
  }
}

interface TokenSessionParts {
  readonly caller: Caller;
  readonly token: VerifiedToken | null;
  readonly address: string;
  readonly roles: Pick<Roles, 'callerOf'>;
}

/** A question for streams, asked at each message: the caller, or the refusal when the permission was taken away meanwhile. */
export const whoMay = (session: Session, permission: Permission) => async (): Promise<Caller> => {
  const caller = await session.refresh();
  if (!caller.permissions.has(permission)) throw denial(caller, permission);
  return caller;
};

const bearerToken = (authorization: unknown): string => {
  const token = typeof authorization === 'string' ? /^bearer +(\S+)$/i.exec(authorization.trim())?.[1] : undefined;
  if (token === undefined)
    throw new UnauthenticatedError('The authorization must read "Bearer <token>". Leave it out to be anonymous.');
  return token;
};
