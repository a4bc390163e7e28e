import { QueryClientProvider } from '@tanstack/react-query';
import { createContext, type ReactNode, useContext, useEffect, useMemo } from 'react';
import { createTokens, createTollgate, type Tollgate, type TollgateError, toTollgateError } from 'tollgate-client';
import { TollgateProvider } from 'tollgate-client/react';
import { useLanguage } from '../ui/language.js';
import { createLoads } from '../ui/load.js';
import type { Ahead } from './ahead.js';
import { fetchDemoToken, type Login } from './login.js';

/** The operator's client, which also gives the token for what isn't GraphQL. */
export interface OperatorClient extends Tollgate {
  token(): Promise<string | undefined>;
}

const Current = createContext<OperatorClient | undefined>(undefined);

/** Gives what is inside a client that calls as the operator; `onRefused` hears when the server no longer takes the token. */
export const SessionProvider = (props: {
  readonly login: Login;
  readonly onRefused: (why: TollgateError) => void;
  readonly ahead: Ahead;
  readonly children: ReactNode;
}) => {
  const { login, onRefused, ahead, children } = props;
  const { language } = useLanguage();
  const tollgate = useMemo(() => {
    const tokens = createTokens(login.kind === 'demo' ? fetchDemoToken : async () => login.token);
    const client = createTollgate({ url: new URL('graphql', location.href).href, token: tokens.current });
    const request: Tollgate['request'] = async (operation, variables) => {
      try {
        // What failed ahead is asked again, and told then.
        const early = await ahead.take(login, operation, variables)?.catch(() => undefined);
        if (early !== undefined) return early as never;
        return await client.request(operation, variables);
      } catch (thrown) {
        const error = toTollgateError(thrown);
        if (error.code === 'UNAUTHENTICATED') onRefused(error);
        throw error;
      }
    };
    return { ...client, request, token: tokens.current };
  }, [login, onRefused, ahead]);
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
