import { useState } from 'react';
import { ConnectionNote } from '../ui/connection-note.js';
import { useRoute } from '../ui/route.js';
import { AccountSwitch } from './account-switch.js';
import type { Account } from './back-end.js';
import { Home } from './home.js';
import { OrderPage } from './order-page.js';
import { SessionProvider, useSession } from './session.js';
import { SubscriptionPage } from './subscription-page.js';

const KEPT = 'tollgate-demo-account';

/** The demo shop: a page chosen by the address, seen by one of two accounts. */
export const App = () => {
  const [account, setAccount] = useState<Account>(() =>
    sessionStorage.getItem(KEPT) === 'demo-admin' ? 'demo-admin' : 'demo-customer',
  );
  const change = (next: Account): void => {
    sessionStorage.setItem(KEPT, next);
    setAccount(next);
  };
  return (
    <SessionProvider account={account}>
      <Header account={account} onChange={change} />
      <main>
        <Page key={account} />
      </main>
      <footer className="soft">
        A demo of <a href="graphql">Tollgate</a>. Orders live in the table <code>public.shop_order</code>; payments are
        bound to it. <a href="/console">Open the console</a> to see the other side.
      </footer>
    </SessionProvider>
  );
};

const Header = ({ account, onChange }: { readonly account: Account; readonly onChange: (next: Account) => void }) => {
  const { tollgate } = useSession();
  return (
    <header className="bar">
      <a className="brand" href="#/">
        Corner Shop
      </a>
      <ConnectionNote tollgate={tollgate} />
      <AccountSwitch account={account} onChange={onChange} />
    </header>
  );
};

const Page = () => {
  const [place, id] = useRoute();
  if (place === 'orders' && id !== undefined) return <OrderPage key={id} orderId={id} />;
  if (place === 'subscriptions' && id !== undefined) return <SubscriptionPage key={id} orderId={id} />;
  return <Home />;
};
