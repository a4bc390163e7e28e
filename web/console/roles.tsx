import { useState } from 'react';
import { Field } from '../ui/field.js';
import { useLanguage } from '../ui/language.js';
import { useLoaded } from '../ui/load.js';
import { ErrorNotice, Waiting } from '../ui/notice.js';
import { Time } from '../ui/time.js';
import { Deed } from './deed.js';
import {
  AccountRolesDocument,
  AccountsDocument,
  AssignRoleDocument,
  ENUMS,
  GrantPermissionDocument,
  type Permission,
  RevokePermissionDocument,
  RolesDocument,
  UnassignRoleDocument,
} from './operations.js';
import { useTollgate } from './session.js';
import { Select } from './settings-deeds.js';

const useRoles = () => {
  const { request } = useTollgate();
  return useLoaded('roles', async () => (await request(RolesDocument, {})).roles);
};

/** What each role may do, and the way to change it. */
export const Roles = () => {
  const { t } = useLanguage();
  const { value, error, reload } = useRoles();
  return (
    <section className="card stack" aria-labelledby="roles">
      <h2 id="roles">{t('Roles')}</h2>
      {value ? <ErrorNotice error={error} /> : <Waiting error={error} />}
      <ul className="rows">
        {value?.map(({ name, permissions }) => (
          <li key={name}>
            <strong className="grow">{name}</strong>
            <span className="detail soft">{permissions.join(' ')}</span>
          </li>
        ))}
      </ul>
      {value && (
        <div className="row">
          <Grant isGrant onDone={reload} />
          <Grant isGrant={false} onDone={reload} />
        </div>
      )}
    </section>
  );
};

const Grant = ({ isGrant, onDone }: { readonly isGrant: boolean; readonly onDone: () => void }) => {
  const { request } = useTollgate();
  const { t } = useLanguage();
  const [role, setRole] = useState('');
  const [permission, setPermission] = useState<string>('PAYMENT_READ_ANY');
  return (
    <Deed
      does={isGrant ? t('Grant a permission') : t('Revoke a permission')}
      yes={isGrant ? t('Yes, grant it') : t('Yes, revoke it')}
      explains={
        isGrant
          ? t('Whoever has the role may do it from the next request on. A new name makes a role.')
          : t('Whoever has the role may no longer do it, from the next request on.')
      }
      of={`${role} ${permission}`}
      isReady={role !== ''}
      asksReason
      run={async ({ reason }) => {
        const input = { role, permission: permission as Permission, reason };
        await (isGrant ? request(GrantPermissionDocument, { input }) : request(RevokePermissionDocument, { input }));
        onDone();
        return isGrant ? t('Granted.') : t('Revoked.');
      }}
    >
      <Field label={t('Role')} value={role} onChange={(event) => setRole(event.target.value.trim())} />
      <Select label={t('Permission')} value={permission} values={ENUMS.Permission} onChange={setPermission} />
    </Deed>
  );
};

/** Which roles an account has. */
export const Accounts = () => {
  const { t } = useLanguage();
  const [typed, setTyped] = useState('');
  const [account, setAccount] = useState<string>();
  return (
    <section className="card stack" aria-labelledby="accounts">
      <h2 id="accounts">{t('Accounts')}</h2>
      <form
        className="filters"
        onSubmit={(event) => {
          event.preventDefault();
          setAccount(typed.trim() || undefined);
        }}
      >
        <Field label={t('Account')} value={typed} onChange={(event) => setTyped(event.target.value)} />
        <button type="submit" className="quiet">
          {t('Show its roles')}
        </button>
      </form>
      {account === undefined && <AllAccounts onChoose={setAccount} />}
      {account !== undefined && <AccountRoles key={account} accountId={account} />}
    </section>
  );
};

/** Who has which role, since when, by whom and why. */
const AllAccounts = ({ onChoose }: { readonly onChoose: (account: string) => void }) => {
  const { request } = useTollgate();
  const { t } = useLanguage();
  const { value, error } = useLoaded('accounts', async () => (await request(AccountsDocument, {})).accounts);
  if (!value) return <Waiting error={error} />;
  return (
    <ul className="rows" aria-label={t('Accounts')}>
      {value.edges.map(({ node }) => (
        <li key={node.id}>
          <strong className="grow">{node.id}</strong>
          <button type="button" className="quiet small" onClick={() => onChoose(node.id)}>
            {t('Show its roles')}
          </button>
          {node.roles.map(({ role, since, by, reason }) => (
            <span key={role} className="detail">
              {role}
              <span className="soft">
                {since !== null && (
                  <>
                    {' '}
                    {t('since')} <Time at={since} />
                  </>
                )}
                {by !== null && ` ${t('by {actor}', { actor: by.replace(':', ' ') })}`} {reason}
              </span>
            </span>
          ))}
        </li>
      ))}
      {value.pageInfo.hasNextPage && <li className="soft">{t('There are more: name the account.')}</li>}
    </ul>
  );
};

const AccountRoles = ({ accountId }: { readonly accountId: string }) => {
  const { request } = useTollgate();
  const { t } = useLanguage();
  const roles = useRoles();
  const read = async () => (await request(AccountRolesDocument, { accountId })).accountRoles;
  const { value, error, reload } = useLoaded(`roles of ${accountId}`, read);
  const [role, setRole] = useState('');
  if (!value) return <Waiting error={error} />;
  const others = roles.value?.map(({ name }) => name).filter((name) => !value.some((has) => has.name === name)) ?? [];
  const chosen = others.includes(role) ? role : (others[0] ?? '');
  return (
    <>
      {value.length === 0 && <p className="soft">{t('{account} has no role of its own.', { account: accountId })}</p>}
      <ul className="rows">
        {value.map(({ name, permissions }) => (
          <li key={name}>
            <strong className="grow">{name}</strong>
            <Deed
              does={t('Take {role} away', { role: name })}
              yes={t('Yes, take {role} away', { role: name })}
              explains={t('{account} may no longer do what only this role allows.', { account: accountId })}
              asksReason
              run={async ({ reason }) => {
                await request(UnassignRoleDocument, { input: { accountId, role: name, reason } });
                reload();
                return undefined;
              }}
            />
            <span className="detail soft">{permissions.join(' ')}</span>
          </li>
        ))}
      </ul>
      {others.length > 0 && (
        <Deed
          does={t('Assign a role')}
          yes={t('Yes, assign {role}', { role: chosen })}
          explains={t('{account} may do what the role allows, from the next request on.', { account: accountId })}
          asksReason
          run={async ({ reason }) => {
            await request(AssignRoleDocument, { input: { accountId, role: chosen, reason } });
            reload();
            return t('Assigned.');
          }}
        >
          <Select label={t('Role')} value={chosen} values={others} onChange={setRole} />
        </Deed>
      )}
    </>
  );
};
