import { useCallback, useEffect, useRef, useState } from 'react';
import { ConnectionNote } from '../ui/connection-note.js';
import { useLoaded } from '../ui/load.js';
import { useRoute } from '../ui/route.js';
import { EventList } from './event-list.js';
import { EventPage } from './event-page.js';
import { PageBoundary } from './failure.js';
import { LoginPage } from './login-page.js';
import { NotFound } from './not-found.js';
import { PaymentSettingsDocument } from './operations.js';
import { AuditList, DisputeList, OwedList, RecurringList, RefundPageList } from './other-lists.js';
import { Overview } from './overview.js';
import { PaymentList } from './payment-list.js';
import { PaymentPage } from './payment-page.js';
import { RecurringPage } from './recurring-page.js';
import { keepLogin, type Login, readLogin, SessionProvider, useTollgate } from './session.js';
import { SettingsPage } from './settings-page.js';
import { ViewerGate } from './viewer.js';

/** The console: a sign-in, then a page chosen by the address. */
export const App = () => {
  const [login, setLogin] = useState(readLogin);
  const [refused, setRefused] = useState<string>();
  const change = useCallback((next: Login | undefined, why?: string): void => {
    keepLogin(next);
    setLogin(next);
    setRefused(why);
  }, []);
  const onRefused = useCallback((why: string) => change(undefined, why), [change]);
  if (!login) return <LoginPage onLogin={change} refused={refused} />;
  return (
    <SessionProvider login={login} onRefused={onRefused}>
      <Header onLogout={() => change(undefined)} />
      <Main />
    </SessionProvider>
  );
};

const PLACES = [
  ['', 'Overview'],
  ['payments', 'Payments'],
  ['refunds', 'Refunds'],
  ['recurring', 'Recurring'],
  ['disputes', 'Disputes'],
  ['events', 'Events'],
  ['settings', 'Settings'],
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
      <Mode />
      <ConnectionNote tollgate={useTollgate()} />
      <button type="button" className="quiet small" onClick={onLogout}>
        Log out
      </button>
    </header>
  );
};

/** Whether real money moves here; silent where the operator may not see the settings. */
const Mode = () => {
  const { request } = useTollgate();
  const { value } = useLoaded('mode', async () => (await request(PaymentSettingsDocument, {})).paymentSettings, 60_000);
  if (!value) return null;
  return (
    <span className={`status mode ${value.livemode ? 'bad' : 'calm'}`}>
      {value.livemode ? 'Live mode' : 'Test mode'}
    </span>
  );
};

const Main = () => {
  const path = useRoute().join('/');
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  // A new page is read from its beginning, by eye and by screen reader.
  useEffect(() => {
    if (!isFirst.current) main.current?.focus();
    isFirst.current = false;
    return () => undefined;
  }, [path]);
  return (
    <main className="wide" ref={main} tabIndex={-1}>
      <ViewerGate>
        <PageBoundary key={path}>
          <Page />
        </PageBoundary>
      </ViewerGate>
    </main>
  );
};

const LISTS = {
  payments: PaymentList,
  refunds: RefundPageList,
  recurring: RecurringList,
  disputes: DisputeList,
  events: EventList,
  owed: OwedList,
  audit: AuditList,
  settings: SettingsPage,
} as const;

const Page = () => {
  const [place, id, ...rest] = useRoute();
  if (place === undefined) return <Overview />;
  if (id !== undefined && rest.length === 0) {
    if (place === 'payments') return <PaymentPage key={id} id={id} />;
    if (place === 'recurring') return <RecurringPage key={id} id={id} />;
    if (place === 'events') return <EventPage key={id} id={id} />;
  }
  const List = id === undefined && Object.hasOwn(LISTS, place) ? LISTS[place as keyof typeof LISTS] : undefined;
  return List ? <List key={place} /> : <NotFound what="page here" back="" />;
};
