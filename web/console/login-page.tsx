import { useState } from 'react';
import { Field } from '../ui/field.js';
import { useT } from '../ui/language.js';
import { useLoaded } from '../ui/load.js';
import { useTitle } from '../ui/route.js';
import type { Login } from './session.js';

/** Asks for a token; in the embedded run one click is enough. */
export const LoginPage = (props: {
  readonly onLogin: (login: Login) => void;
  /** Why the last token was not taken. */
  readonly refused: string | undefined;
}) => {
  const { onLogin, refused } = props;
  const t = useT();
  useTitle(t('Sign in'));
  const [token, setToken] = useState('');
  const hasDemo = useLoaded('demo', async () => (await fetch('demo/config')).ok);
  return (
    <main className="login">
      <h1>{t('Tollgate console')}</h1>
      {refused !== undefined && (
        <p className="notice bad" role="alert" data-code="UNAUTHENTICATED">
          {t('Not signed in: {why} Sign in again.', { why: refused })}
        </p>
      )}
      {hasDemo.value && (
        <section className="card stack" aria-label={t('Demo')}>
          <p>{t('This is an embedded run: its demo admin may see and do everything.')}</p>
          <button type="button" className="primary" onClick={() => onLogin({ kind: 'demo' })}>
            {t('Enter as demo admin')}
          </button>
        </section>
      )}
      <form
        className="card stack"
        onSubmit={(event) => {
          event.preventDefault();
          onLogin({ kind: 'token', token: token.trim() });
        }}
      >
        <Field
          label={t('Access token')}
          type="password"
          autoComplete="off"
          required
          value={token}
          onChange={(event) => setToken(event.target.value)}
          hint={
            <>
              {t('A JWT of an account with the role admin, e.g. from:')}{' '}
              <code>npx tollgate token --account you --role admin</code>
            </>
          }
        />
        <button type="submit" className={hasDemo.value ? '' : 'primary'}>
          {t('Log in')}
        </button>
      </form>
    </main>
  );
};
