import { createContext, type ReactNode, useContext } from 'react';
import { useT } from '../ui/language.js';
import { type Loaded, useLoaded } from '../ui/load.js';
import { Waiting } from '../ui/notice.js';
import { type Permission, WhoDocument, type WhoQuery } from './operations.js';
import { useTollgate } from './session.js';

type Viewer = WhoQuery['viewer'];

const Current = createContext<Viewer | undefined>(undefined);

/** Asks who signed in. */
export const useViewer = (): Loaded<Viewer> => {
  const { request } = useTollgate();
  return useLoaded('viewer', async () => (await request(WhoDocument, {})).viewer, { everyMs: 30_000 });
};

/** Lets nobody judge an installation of which they see but their own rows. */
export const ViewerGate = ({ children }: { readonly children: ReactNode }) => {
  const t = useT();
  const { value: viewer, error } = useViewer();
  if (!viewer) return <Waiting error={error} />;
  if (!viewer.permissions.includes('PAYMENT_READ_ANY'))
    return (
      <section className="card stack" role="alert" data-code="FORBIDDEN">
        <h1>{t('This account may not look here.')}</h1>
        <p>
          {t(
            'The console shows all payments, so it needs the permission PAYMENT_READ_ANY. {account} has the roles: {roles}.',
            { account: viewer.accountId ?? '–', roles: viewer.roles.join(', ') || t('none') },
          )}{' '}
          {t('Log out and sign in as an operator, or have one run:')}{' '}
          <code>npx tollgate roles assign {viewer.accountId ?? 'ACCOUNT'} admin</code>
        </p>
      </section>
    );
  return <Current value={viewer}>{children}</Current>;
};

/** Tells whether the operator has a permission: what they may not do isn't offered. */
export const useMay = (): ((permission: Permission) => boolean) => {
  const viewer = useContext(Current);
  return (permission) => viewer?.permissions.includes(permission) ?? false;
};
