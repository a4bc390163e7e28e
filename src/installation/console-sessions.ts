import { createHash, randomBytes } from 'node:crypto';
import { BadUserInputError, ConsoleCodeError, NotFoundError } from '../core/errors.js';
import { writeAudit } from '../storage/audit.js';
import type { Database, Tx } from '../storage/database.js';

/** Who is sent to the console, and for how long. */
export interface CodeRequest {
  readonly accountId: string;
  /** What the session may, beside what the account may by the database. */
  readonly roles: readonly string[];
  /** How long the code may be exchanged, 1 s to an hour. */
  readonly codeSeconds: number;
  /** How long the session lasts from then on, 1 s to a day. */
  readonly lastsSeconds: number;
}

/** A code that was made; it is shown this once. */
export interface MadeCode {
  readonly code: string;
  readonly endsAt: Date;
}

/** A session that has begun; its token is shown this once. */
export interface BegunSession {
  readonly token: string;
  readonly accountId: string;
  readonly roles: readonly string[];
  readonly endsAt: Date;
}

/** A session that a token stands for. */
export interface OpenSession {
  readonly accountId: string;
  readonly roles: readonly string[];
  readonly endsAt: Date;
}

/**
 * Sessions of operators who are sent to the console from the command line. They need no key: the database knows the hash of each token, and
 * a session has a fixed end. What may be done in it is asked of the roles at each call.
 */
export interface ConsoleSessions {
  /** @throws NotFoundError for a role that isn't there, BadUserInputError */
  makeCode(request: CodeRequest, actor: string): Promise<MadeCode>;
  /**
   * Exchanges a code for a session, once: of many at once one gets it. The audit keeps it, with the address; and once for each code that
   * was made that it was refused.
   *
   * @throws ConsoleCodeError for a code that was used, has run out, or never was
   */
  begin(code: string, address: string): Promise<BegunSession>;
  /** The session of a token, undefined once it has ended. One that was ended elsewhere is known for five seconds more. */
  find(token: string): Promise<OpenSession | undefined>;
  /** Ends the session of a token; twice changes nothing. */
  end(token: string): Promise<void>;
}

const CODE = /^tgk_[\w-]{43}$/;
const TOKEN = /^tgs_[\w-]{43}$/;
/** Of randomness: nothing that is guessed. */
const SECRET_BYTES = 32;
const MOST_CODE_SECONDS = 3_600;
const MOST_SECONDS = 86_400;
/** Should a session be ended in another process, it is asked for again after this. */
const KEPT_MS = 5_000;
const KEPT_SESSIONS = 1_000;

/** Whether a bearer's token is one of a console session. */
export const isConsoleToken = (token: string): boolean => TOKEN.test(token);

/** A random secret of 256 bits needs no slow hash: there is nothing to guess from. */
const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');
const newSecret = (kind: 'tgk' | 'tgs'): string => `${kind}_${randomBytes(SECRET_BYTES).toString('base64url')}`;

const assertRequest = ({ accountId, roles, codeSeconds, lastsSeconds }: CodeRequest): void => {
  if (accountId.length === 0 || accountId.length > 200)
    throw new BadUserInputError('An account id has 1 to 200 characters.');
  if (roles.length === 0) throw new BadUserInputError('Name at least one role.');
  if (codeSeconds < 1 || codeSeconds > MOST_CODE_SECONDS) throw new BadUserInputError('A code lasts at most an hour.');
  if (lastsSeconds < 1 || lastsSeconds > MOST_SECONDS) throw new BadUserInputError('A session lasts at most a day.');
};

const assertRoles = async (tx: Tx, roles: readonly string[]): Promise<void> => {
  const rows = await tx.query<{ name: string }>({
    text: 'select name from tollgate.role where name = any($1::text[])',
    values: [roles],
  });
  const unknown = roles.find((role) => !rows.some(({ name }) => name === role));
  if (unknown !== undefined) throw new NotFoundError('role', unknown);
};

interface Begun {
  readonly id: string;
  readonly accountId: string;
  readonly roles: readonly string[];
  readonly endsAt: Date;
}

const takeUp = async (tx: Tx, codeHash: string, tokenHash: string): Promise<Begun | undefined> => {
  const [row] = await tx.query<Begun>({
    text: `update tollgate.console_session set token_hash = $2, begun_at = now(), ends_at = now() + lasts_seconds * interval '1 second'
      where code_hash = $1 and token_hash is null and code_ends_at > now()
      returning id::text as "id", account_id as "accountId", roles, ends_at as "endsAt"`,
    values: [codeHash, tokenHash],
  });
  return row;
};

/** Says once of a code that was made that it came too late, or again: somebody else may have it. */
const noteRefusal = async (tx: Tx, codeHash: string, address: string): Promise<void> => {
  const [row] = await tx.query<{ id: string; accountId: string; wasUsed: boolean }>({
    text: `update tollgate.console_session set code_refused_at = now() where code_hash = $1 and code_refused_at is null
      returning id::text as "id", account_id as "accountId", token_hash is not null as "wasUsed"`,
    values: [codeHash],
  });
  if (!row) return;
  const { id, accountId, wasUsed } = row;
  const reason = wasUsed ? 'it was used before' : 'it had run out';
  tx.send(writeAudit('anonymous', 'CONSOLE_CODE_REFUSED', { sessionId: id, accountId, reason, address }));
};

const createCodes = (database: Database): Pick<ConsoleSessions, 'makeCode' | 'begin'> => ({
  makeCode(request, actor) {
    assertRequest(request);
    const { accountId, roles, codeSeconds, lastsSeconds } = request;
    return database.transaction(async (tx) => {
      await assertRoles(tx, roles);
      const code = newSecret('tgk');
      const [row] = await tx.query<{ id: string; endsAt: Date }>({
        text: `insert into tollgate.console_session (account_id, roles, code_hash, code_ends_at, lasts_seconds)
          values ($1, $2, $3, now() + $4 * interval '1 second', $5) returning id::text as "id", code_ends_at as "endsAt"`,
        values: [accountId, roles, hashOf(code), codeSeconds, lastsSeconds],
      });
      if (!row) throw new Error('The new code was not returned.');
      const { id, endsAt } = row;
      tx.send(
        writeAudit(actor, 'CONSOLE_CODE_MADE', { sessionId: id, accountId, roles, codeEndsAt: endsAt, lastsSeconds }),
      );
      return { code, endsAt };
    });
  },

  async begin(code, address) {
    if (!CODE.test(code)) throw new ConsoleCodeError();
    const token = newSecret('tgs');
    const begun = await database.transaction(async (tx) => {
      const session = await takeUp(tx, hashOf(code), hashOf(token));
      if (!session) await noteRefusal(tx, hashOf(code), address);
      else {
        const { id, accountId, roles, endsAt } = session;
        tx.send(writeAudit(`account:${accountId}`, 'CONSOLE_SESSION_BEGUN', { sessionId: id, roles, endsAt, address }));
      }
      return session;
    });
    if (!begun) throw new ConsoleCodeError();
    const { accountId, roles, endsAt } = begun;
    return { token, accountId, roles, endsAt };
  },
});

/** Builds the sessions over the database, with a short memory. */
export const createConsoleSessions = (database: Database): ConsoleSessions => {
  const known = new Map<string, { readonly session: OpenSession; readonly until: number }>();

  const read = async (hash: string): Promise<OpenSession | undefined> => {
    const [session] = await database.query<OpenSession>({
      name: 'console_session',
      text: `select account_id as "accountId", roles, ends_at as "endsAt" from tollgate.console_session
        where token_hash = $1 and ended_at is null and ends_at > now()`,
      values: [hash],
    });
    return session;
  };

  return {
    ...createCodes(database),

    async find(token) {
      if (!isConsoleToken(token)) return undefined;
      const hash = hashOf(token);
      const kept = known.get(hash);
      if (kept && kept.until > performance.now() && kept.session.endsAt.getTime() > Date.now()) return kept.session;
      known.delete(hash);
      const session = await read(hash);
      if (session) known.set(hash, { session, until: performance.now() + KEPT_MS });
      const [oldest] = known.keys();
      if (known.size > KEPT_SESSIONS && oldest !== undefined) known.delete(oldest);
      return session;
    },

    async end(token) {
      const hash = hashOf(token);
      await database.transaction(async (tx) => {
        const [row] = await tx.query<{ id: string; accountId: string }>({
          text: `update tollgate.console_session set ended_at = now() where token_hash = $1 and ended_at is null and ends_at > now()
            returning id::text as "id", account_id as "accountId"`,
          values: [hash],
        });
        if (row) tx.send(writeAudit(`account:${row.accountId}`, 'CONSOLE_SESSION_ENDED', { sessionId: row.id }));
      });
      known.delete(hash);
    },
  };
};
