import { createContext, type ReactNode, useContext } from 'react';
import { useLoaded } from '../ui/load.js';
import { Waiting } from '../ui/notice.js';
import { type Permission, WhoDocument, type WhoQuery } from './operations.js';
import { useTollgate } from './session.js';

type Viewer = WhoQuery['viewer'];

const Current = createContext<Viewer | undefined>(undefined);

/** Asks who signed in, and lets nobody judge an installation of which they see but their own rows. */
export const ViewerGate = ({ children }: { readonly children: ReactNode }) => {
  const { request } = useTollgate();
  const { value: viewer, error } = useLoaded('viewer', async () => (await request(WhoDocument, {})).viewer, 30_000);
  if (!viewer) return <Waiting error={error} />;
  if (!viewer.permissions.includes('PAYMENT_READ_ANY'))
    return (
      <section className="card stack" role="alert" data-code="FORBIDDEN">
        <h1>This account may not look here.</h1>
        <p>
          The console shows all payments, so it needs the permission <code>PAYMENT_READ_ANY</code>;{' '}
          {viewer.accountId ?? 'you'}{' '}
          {viewer.roles.length > 0 ? `has the roles ${viewer.roles.join(', ')}` : 'has no role'}. Log out and sign in as
          an operator, or have one run: <code>npx tollgate roles assign {viewer.accountId ?? 'ACCOUNT'} admin</code>
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
