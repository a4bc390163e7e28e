import type { BegunSession } from '../installation/console-sessions.js';
import type { Builder } from './builder.js';

/** What the console sends to sign in; every server runs it, whatever its manifest lists. */
export const SIGN_IN = `mutation BeginConsoleSession($code: String!) {
  beginConsoleSession(input: { code: $code }) { token accountId roles endsAt }
}`;

/** Defines how a person who was sent to the console by the command line begins a session there, and ends it. */
export const defineConsoleSession = (builder: Builder): void => {
  const payload = builder.objectRef<BegunSession>('ConsoleSessionPayload').implement({
    description: 'The token is shown once; it is sent like any other: "Bearer …".',
    fields: (t) => ({
      token: t.exposeString('token', { nullable: false }),
      accountId: t.exposeID('accountId', { nullable: false }),
      roles: t.stringList({ nullable: false, resolve: ({ roles }) => [...roles] }),
      endsAt: t.expose('endsAt', { type: 'DateTime', nullable: false }),
    }),
  });
  const input = builder.inputType('BeginConsoleSessionInput', {
    fields: (t) => ({ code: t.string({ required: true }) }),
  });
  builder.mutationField('beginConsoleSession', (t) =>
    t.field({
      type: payload,
      nullable: false,
      description: 'Exchanges a code of "tollgate console", once, while it lasts; CONSOLE_CODE_REFUSED otherwise.',
      permission: 'PUBLIC',
      onEveryPlan: true,
      args: { input: t.arg({ type: input, required: true }) },
      resolve: (_, { input: { code } }, { consoleSessions, session }) => consoleSessions.begin(code, session.address),
    }),
  );
  builder.mutationField('endConsoleSession', (t) =>
    t.boolean({
      nullable: false,
      description: "Ends the session whose token is sent; false for an app's own token, which ends by itself.",
      permission: 'PUBLIC',
      onEveryPlan: true,
      resolve: (_, __, { session }) => session.end(),
    }),
  );
};
