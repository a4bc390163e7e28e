import { useCallback, useEffect, useRef, useState } from 'react';
import type { TollgateError } from 'tollgate-client';
import { ConnectionNote } from '../ui/connection-note.js';
import { useLanguage, useT } from '../ui/language.js';
import { useLoaded } from '../ui/load.js';
import { useRoute, useScroll } from '../ui/route.js';
import { LANGUAGES, type Language, type Text } from '../ui/words.js';
import { AccountPage } from './account-page.js';
import type { Ahead } from './ahead.js';
import { BenchPage } from './bench.js';
import { DisputePage } from './dispute-page.js';
import { EffectList } from './effect-list.js';
import { EventList } from './event-list.js';
import { EventPage } from './event-page.js';
import { PageBoundary } from './failure.js';
import { Keyboard } from './keyboard.js';
import { LiveUpdates } from './live-updates.js';
import { keepLogin, type Login, readLogin } from './login.js';
import { LoginPage } from './login-page.js';
import { NotFound } from './not-found.js';
import { ENUMS, EndConsoleSessionDocument, PaymentSettingsDocument, type Permission } from './operations.js';
import { AuditList, DisputeList, RecurringList, RefundPageList } from './other-lists.js';
import { DeliveryList, OutgoingPage } from './outgoing-page.js';
import { Overview } from './overview.js';
import { OwedList } from './owed-list.js';
import { PaymentList } from './payment-list.js';
import { PaymentPage } from './payment-page.js';
import { RecurringPage } from './recurring-page.js';
import { RevenuePage } from './revenue-page.js';
import { SessionProvider, useTollgate } from './session.js';
import { SessionEnd } from './session-end.js';
import { SettingsPage } from './settings-page.js';
import { SignIn, takeCode } from './sign-in.js';
import { useViewer, ViewerGate } from './viewer.js';

/** The console: a sign-in, then a page chosen by the address. */
export const App = ({ ahead }: { readonly ahead: Ahead }) => {
  const [login, setLogin] = useState(readLogin);
  const [refused, setRefused] = useState<TollgateError>();
  const change = useCallback((next: Login | undefined, why?: TollgateError): void => {
    keepLogin(next);
    setLogin(next);
    setRefused(why);
  }, []);
  const onRefused = useCallback((why: TollgateError) => change(undefined, why), [change]);
  const [code, setCode] = useState(takeCode);
  const onSigned = useCallback(
    (next: Login | undefined, why?: TollgateError) => {
      setCode(undefined);
      change(next, why);
    },
    [change],
  );
  if (code !== undefined) return <SignIn code={code} onSigned={onSigned} />;
  if (!login) return <LoginPage onLogin={change} refused={refused} />;
  return (
    <SessionProvider login={login} onRefused={onRefused} ahead={ahead}>
      <Header
        onLogout={() => change(undefined)}
        isSession={login.kind === 'token' && login.isSession === true}
        hasBench={login.kind === 'demo'}
      />
      <Main endsItself={login.kind === 'token'} />
      <Footer />
    </SessionProvider>
  );
};

const PLACES: readonly (readonly [path: string, name: Text, ...permissions: Permission[]])[] = [
  ['', 'Overview'],
  ['payments', 'Payments'],
  ['refunds', 'Refunds', 'REFUND_READ_ANY'],
  ['recurring', 'Recurring', 'RECURRING_READ_ANY'],
  ['disputes', 'Disputes', 'DISPUTE_READ'],
  ['events', 'Events', 'EVENT_READ'],
  ['settings', 'Settings', 'SETTINGS_READ', 'ROLE_MANAGE', 'OUTGOING_WEBHOOK_MANAGE', 'AUDIT_READ'],
];

const Header = (props: { readonly onLogout: () => void; readonly isSession: boolean; readonly hasBench: boolean }) => {
  const { onLogout, isSession, hasBench } = props;
  const t = useT();
  const tollgate = useTollgate();
  const logOut = (): void => {
    // The page forgets the token whatever the server answers; it ends by itself too.
    if (isSession) tollgate.request(EndConsoleSessionDocument, {}).catch(() => undefined);
    onLogout();
  };
  const [place = ''] = useRoute();
  // Until it is known who looks, all have their place: nothing jumps for who may see all.
  const permissions: readonly string[] = useViewer().value?.permissions ?? ENUMS.Permission;
  const places = PLACES.filter(
    ([, , ...needed]) => needed.length === 0 || needed.some((one) => permissions.includes(one)),
  );
  return (
    <header className="bar">
      <a className="brand" href="#/">
        Tollgate
      </a>
      <nav aria-label={t('Console')}>
        {[...places, ...(hasBench ? [['try', 'Try'] as const] : [])].map(([path, name]) => (
          <a key={path} href={`#/${path}`} aria-current={place === path ? 'page' : undefined}>
            {t(name)}
          </a>
        ))}
      </nav>
      <div className="state">
        {permissions.includes('SETTINGS_READ') && <Mode />}
        <ConnectionNote tollgate={tollgate} />
      </div>
      <button type="button" className="quiet small" onClick={logOut}>
        {t('Log out')}
      </button>
    </header>
  );
};

const Footer = () => {
  const t = useT();
  return (
    <footer className="soft">
      <span>
        {t('Keys')}: <kbd>?</kbd>
      </span>
      <LanguageChoice />
    </footer>
  );
};

const LanguageChoice = () => {
  const { t, language, choose } = useLanguage();
  return (
    <select
      className="language"
      aria-label={t('Language')}
      value={language}
      onChange={(event) => choose(event.target.value as Language)}
    >
      {Object.entries(LANGUAGES).map(([code, name]) => (
        <option key={code} value={code} lang={code}>
          {name}
        </option>
      ))}
    </select>
  );
};

/** Whether real money moves here; silent where the operator may not see the settings. */
const Mode = () => {
  const { request } = useTollgate();
  const t = useT();
  const { value } = useLoaded('settings', () => request(PaymentSettingsDocument, {}), { everyMs: 60_000 });
  if (!value) return null;
  const { livemode } = value.paymentSettings;
  return (
    <span className={`status mode ${livemode ? 'bad' : 'calm'}`}>{livemode ? t('Live mode') : t('Test mode')}</span>
  );
};

const Main = ({ endsItself }: { readonly endsItself: boolean }) => {
  const path = useRoute().join('/');
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  useScroll();
  // A new page is read from its beginning, by eye and by screen reader.
  useEffect(() => {
    if (!isFirst.current) main.current?.focus({ preventScroll: true });
    isFirst.current = false;
    return () => undefined;
  }, [path]);
  return (
    <main className="wide" ref={main} tabIndex={-1}>
      <ViewerGate>
        {endsItself && <SessionEnd />}
        <LiveUpdates />
        <Keyboard />
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
  effects: EffectList,
  outgoing: OutgoingPage,
  deliveries: DeliveryList,
  audit: AuditList,
  revenue: RevenuePage,
  settings: SettingsPage,
  try: BenchPage,
} as const;

const PAGES = {
  accounts: AccountPage,
  payments: PaymentPage,
  recurring: RecurringPage,
  disputes: DisputePage,
  events: EventPage,
} as const;

const Page = () => {
  const t = useT();
  const [place, id, ...rest] = useRoute();
  if (place === undefined) return <Overview />;
  if (id !== undefined && rest.length === 0 && Object.hasOwn(PAGES, place)) {
    const One = PAGES[place as keyof typeof PAGES];
    return <One key={id} id={id} />;
  }
  const List = id === undefined && Object.hasOwn(LISTS, place) ? LISTS[place as keyof typeof LISTS] : undefined;
  return List ? <List key={place} /> : <NotFound what={t('There is no page here.')} back="" />;
};
