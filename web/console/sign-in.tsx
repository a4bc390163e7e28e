import { useEffect, useRef } from 'react';
import { createTollgate, type TollgateError, toTollgateError } from 'tollgate-client';
import { useT } from '../ui/language.js';
import { Empty } from '../ui/notice.js';
import type { Login } from './login.js';
import { BeginConsoleSessionDocument } from './operations.js';

const PLACE = '#/sign-in/';

/** The code of "tollgate console" in the address, which it leaves at once: neither history nor a copied link has it. */
export const takeCode = (): string | undefined => {
  if (!location.hash.startsWith(PLACE)) return undefined;
  const code = location.hash.slice(PLACE.length);
  history.replaceState(null, '', '#/');
  return code;
};

const exchange = async (code: string): Promise<Login> => {
  const client = createTollgate({ url: new URL('graphql', location.href).href, token: async () => undefined });
  const { beginConsoleSession } = await client.request(BeginConsoleSessionDocument, { code });
  return { kind: 'token', token: beginConsoleSession.token, isSession: true };
};

/** Exchanges a code for a session. */
export const SignIn = (props: {
  readonly code: string;
  readonly onSigned: (login: Login | undefined, why?: TollgateError) => void;
}) => {
  const { code, onSigned } = props;
  const t = useT();
  // React may begin an effect twice, and a code works once.
  const asked = useRef<Promise<Login>>(undefined);
  useEffect(() => {
    asked.current ??= exchange(code);
    asked.current.then(onSigned, (thrown: unknown) => onSigned(undefined, toTollgateError(thrown)));
  }, [code, onSigned]);
  return (
    <main className="login">
      <Empty>{t('Signing in …')}</Empty>
    </main>
  );
};
