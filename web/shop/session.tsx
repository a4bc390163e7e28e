import { type QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { createContext, type ReactNode, useContext, useEffect, useMemo } from 'react';
import { createTollgate, type Tollgate } from 'tollgate-client';
import { TollgateProvider } from 'tollgate-client/react';
import { createLoads } from '../ui/load.js';
import { type Account, type BackEnd, createBackEnd, fetchToken } from './back-end.js';

/** Who is at the screen, and the two servers that they talk to. */
export interface Session {
  readonly account: Account;
  readonly isAdmin: boolean;
  readonly tollgate: Tollgate;
  readonly backEnd: BackEnd;
  readonly loads: QueryClient;
}

const Current = createContext<Session | undefined>(undefined);

/** Gives what is inside one session per account; another account closes the one before. */
export const SessionProvider = ({ account, children }: { readonly account: Account; readonly children: ReactNode }) => {
  const session = useMemo(
    () => ({
      account,
      isAdmin: account === 'demo-admin',
      tollgate: createTollgate({ url: new URL('graphql', location.href).href, token: () => fetchToken(account) }),
      backEnd: createBackEnd(account),
      loads: createLoads(),
    }),
    [account],
  );
  useEffect(() => () => session.tollgate.close(), [session]);
  return (
    <Current value={session}>
      <QueryClientProvider client={session.loads}>
        <TollgateProvider client={session.tollgate}>{children}</TollgateProvider>
      </QueryClientProvider>
    </Current>
  );
};

/** The session that the component is in. */
export const useSession = (): Session => {
  const session = useContext(Current);
  if (!session) throw new Error('useSession needs a SessionProvider around it.');
  return session;
};
