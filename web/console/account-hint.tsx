import { useT } from '../ui/language.js';
import { useLoaded } from '../ui/load.js';
import { useView } from '../ui/route.js';
import { AccountLink } from './node-link.js';
import { PaymentRowsDocument } from './operations.js';
import { useTollgate } from './session.js';

/** The way to an account whose id a list is narrowed to or searched by. */
export const AccountHint = () => {
  const { request } = useTollgate();
  const t = useT();
  const [view] = useView();
  const sought = view.get('account') ?? view.get('search') ?? '';
  const read = async () =>
    sought === ''
      ? false
      : (await request(PaymentRowsDocument, { accountId: sought, first: 1 })).payments.edges.length > 0;
  const { value } = useLoaded(`is account ${sought}`, read);
  if (value !== true) return null;
  return (
    <p>
      {t('All of this account:')} <AccountLink id={sought} />
    </p>
  );
};
