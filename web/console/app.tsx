import { useState } from 'react';
import { ConnectionNote } from '../ui/connection-note.js';
import { useRoute } from '../ui/route.js';
import { EventList } from './event-list.js';
import { EventPage } from './event-page.js';
import { LoginPage } from './login-page.js';
import { Overview } from './overview.js';
import { PaymentList } from './payment-list.js';
import { PaymentPage } from './payment-page.js';
import { keepLogin, type Login, readLogin, SessionProvider, useTollgate } from './session.js';

/** The console: a login, then a page chosen by the address. */
export const App = () => {
  const [login, setLogin] = useState(readLogin);
  const change = (next: Login | undefined): void => {
    keepLogin(next);
    setLogin(next);
  };
  if (!login) return <LoginPage onLogin={change} />;
  return (
    <SessionProvider login={login}>
      <Header onLogout={() => change(undefined)} />
      <main className="wide">
        <Page />
      </main>
    </SessionProvider>
  );
};

const PLACES = [
  ['', 'Overview'],
  ['payments', 'Payments'],
  ['events', 'Events'],
] as const;

const Header = ({ onLogout }: { readonly onLogout: () => void }) => {
  const [place = ''] = useRoute();
  return (
    <header className="bar">
      <a className="brand" href="#/">
        Tollgate
      </a>
      <nav aria-label="Console">
        {PLACES.map(([path, name]) => (
          <a key={path} href={`#/${path}`} aria-current={place === path ? 'page' : undefined}>
            {name}
          </a>
        ))}
      </nav>
      <ConnectionNote tollgate={useTollgate()} />
      <button type="button" className="quiet small" onClick={onLogout}>
        Log out
      </button>
    </header>
  );
};

const Page = () => {
  const [place, id] = useRoute();
  if (place === 'payments') return id === undefined ? <PaymentList /> : <PaymentPage key={id} id={id} />;
  if (place === 'events') return id === undefined ? <EventList /> : <EventPage key={id} id={id} />;
  return <Overview />;
};
