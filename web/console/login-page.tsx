import { useState } from 'react';
import type { TollgateError } from 'tollgate-client';
import { Field } from '../ui/field.js';
import { useLanguage } from '../ui/language.js';
import { useLoaded } from '../ui/load.js';
import { useTitle } from '../ui/route.js';
import type { Login } from './login.js';

/** Asks for a token; in the embedded run one click is enough. */
export const LoginPage = (props: {
  readonly onLogin: (login: Login) => void;
  /** Why the last token was not taken. */
  readonly refused: TollgateError | undefined;
}) => {
  const { onLogin, refused } = props;
  const { t, meaningOf } = useLanguage();
  useTitle(t('Sign in'));
  const [token, setToken] = useState('');
  const hasDemo = useLoaded('demo', async () => (await fetch('demo/config')).ok);
  return (
    <main className="login">
      <h1>{t('Tollgate console')}</h1>
      {refused && (
        <p className="notice bad" role="alert" data-code="UNAUTHENTICATED">
          {t('Not signed in: {why} Sign in again.', { why: meaningOf(refused.code) ?? refused.message })}
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
