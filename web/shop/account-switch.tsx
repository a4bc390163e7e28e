import type { Account } from './back-end.js';

const NAMES: Readonly<Record<Account, string>> = { 'demo-customer': 'Customer', 'demo-admin': 'Staff' };

/** One click logs in as a customer or as the shop's staff. */
export const AccountSwitch = ({
  account,
  onChange,
}: {
  readonly account: Account;
  readonly onChange: (next: Account) => void;
}) => (
  <fieldset className="switch">
    <legend className="unseen">Use the shop as</legend>
    {(Object.keys(NAMES) as Account[]).map((name) => (
      <label key={name}>
        <input type="radio" name="account" checked={account === name} onChange={() => onChange(name)} />
        <span>{NAMES[name]}</span>
      </label>
    ))}
  </fieldset>
);
