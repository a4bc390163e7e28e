import { QueryClientProvider } from '@tanstack/react-query';
import { createContext, type ReactNode, useContext, useEffect, useMemo } from 'react';
import { createTokens, createTollgate, type Tollgate, TollgateError, toTollgateError } from 'tollgate-client';
import { TollgateProvider } from 'tollgate-client/react';
import { useLanguage } from '../ui/language.js';
import { createLoads } from '../ui/load.js';

/** How the operator logged in: with a token of their own, or as the embedded run's demo admin. */
export type Login =
  | { readonly kind: 'token'; readonly token: string; readonly isSession?: boolean }
  | { readonly kind: 'demo' };

const KEPT = 'tollgate-console-login';

/** The login of this tab, which a reload keeps and closing the tab forgets. */
export const readLogin = (): Login | undefined => {
  const kept = sessionStorage.getItem(KEPT);
  return kept === null ? undefined : (JSON.parse(kept) as Login);
};

/** Keeps the login for this tab; undefined logs out. */
export const keepLogin = (login: Login | undefined): void => {
  if (login) sessionStorage.setItem(KEPT, JSON.stringify(login));
  else sessionStorage.removeItem(KEPT);
};

/** A token of the embedded run's admin; rejects where there is no embedded run. */
export const fetchDemoToken = async (): Promise<string> => {
  const response = await fetch('demo/token?account=demo-admin');
  if (!response.ok) throw new TollgateError('UNAUTHENTICATED', 'This server has no demo accounts.');
  return ((await response.json()) as { token: string }).token;
};

/** The operator's client, which also gives the token for what isn't GraphQL. */
export interface OperatorClient extends Tollgate {
  token(): Promise<string | undefined>;
}

const Current = createContext<OperatorClient | undefined>(undefined);

/** Gives what is inside a client that calls as the operator; `onRefused` hears when the server no longer takes the token. */
export const SessionProvider = (props: {
  readonly login: Login;
  readonly onRefused: (why: TollgateError) => void;
  readonly children: ReactNode;
}) => {
  const { login, onRefused, children } = props;
  const { language } = useLanguage();
  const tollgate = useMemo(() => {
    const tokens = createTokens(login.kind === 'demo' ? fetchDemoToken : async () => login.token);
    const client = createTollgate({ url: new URL('graphql', location.href).href, token: tokens.current });
    const request: Tollgate['request'] = async (operation, variables) => {
      try {
        return await client.request(operation, variables);
      } catch (thrown) {
        const error = toTollgateError(thrown);
        if (error.code === 'UNAUTHENTICATED') onRefused(error);
        throw error;
      }
    };
    return { ...client, request, token: tokens.current };
  }, [login, onRefused]);
  // What one person read is not shown to the next.
  const loads = useMemo(createLoads, [tollgate]);
  useEffect(() => () => tollgate.close(), [tollgate]);
  return (
    <Current value={tollgate}>
      <QueryClientProvider client={loads}>
        <TollgateProvider client={tollgate} locale={language}>
          {children}
        </TollgateProvider>
      </QueryClientProvider>
    </Current>
  );
};

/** The client of the operator. */
export const useTollgate = (): OperatorClient => {
  const tollgate = useContext(Current);
  if (!tollgate) throw new Error('useTollgate needs a SessionProvider around it.');
  return tollgate;
};
