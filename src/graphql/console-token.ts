import { UnauthenticatedError } from '../core/errors.js';
import { type ConsoleSessions, isConsoleToken } from '../installation/console-sessions.js';
import type { TokenVerifier } from './token.js';

const ENDED = 'The session has ended. Sign in again: "tollgate console" on the server, or a token of the app.';

/** Verifies the tokens of console sessions beside an app's own; the roles of a session count whatever the app's tokens may carry. */
export const withConsoleSessions = (
  tokens: TokenVerifier,
  sessions: Pick<ConsoleSessions, 'find' | 'end'>,
): TokenVerifier => ({
  async verify(token) {
    if (!isConsoleToken(token)) return tokens.verify(token);
    const session = await sessions.find(token);
    if (!session) throw new UnauthenticatedError(ENDED);
    const { accountId, roles, endsAt } = session;
    return {
      accountId,
      roles,
      expiresAt: endsAt,
      session: {
        assertOpen: async () => {
          if (!(await sessions.find(token))) throw new UnauthenticatedError(ENDED);
        },
        end: () => sessions.end(token),
      },
    };
  },
});
