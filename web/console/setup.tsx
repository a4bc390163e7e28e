import { useT } from '../ui/language.js';
import { type Loaded, useLoaded } from '../ui/load.js';
import { ErrorNotice } from '../ui/notice.js';
import type { Text } from '../ui/words.js';
import { SetupDocument, type SetupQuery } from './operations.js';
import { useTollgate } from './session.js';
import { useMay } from './viewer.js';

const EVERY_MS = 5_000;

/** What each step is, in words, and the command that does it. */
const STEPS: Readonly<Record<string, readonly [name: Text, command?: string]>> = {
  DATABASE: ['The database answers', 'migrate'],
  KEYS: ['Stripe’s keys are set', 'configure'],
  WEBHOOK: ['Stripe’s webhooks are known by their secret', 'webhook register'],
  ORDER_TABLE: ['The order table is bound', 'activate'],
  PLAN: ['The plan takes payments', 'plan PRO'],
  FIRST_PAYMENT: ['The first payment has arrived'],
};

type Steps = SetupQuery['setup'] | undefined;

/** The way to the first payment; undefined for who may not see it. */
export const useSetup = (): Loaded<Steps> => {
  const { request } = useTollgate();
  const may = useMay();
  const read = async () => (may('SETTINGS_READ') ? (await request(SetupDocument, {})).setup : undefined);
  return useLoaded('setup', read, { isLive: true, everyMs: EVERY_MS });
};

/** Leads from a new installation to its first payment: each step ticks itself. Gone once all are done. */
export const Setup = ({ setup: { value, error } }: { readonly setup: Loaded<Steps> }) => {
  const t = useT();
  if (!value) return <ErrorNotice error={error} />;
  if (value.every(({ done }) => done)) return null;
  return (
    <section className="card" aria-labelledby="setup">
      <h2 id="setup">{t('To the first payment')}</h2>
      <ErrorNotice error={error} />
      <ol className="rows">
        {value.map(({ step, done, detail }) => {
          const [name, command] = STEPS[step] ?? [undefined];
          return (
            <li key={step} data-done={done}>
              <span aria-hidden="true">{done ? '✓' : '○'}</span>
              <span className="grow">
                {name === undefined ? step : t(name)} {done && <span className="unseen">({t('done')})</span>}
              </span>
              {!done && (
                <span className="soft detail">
                  {detail}{' '}
                  {command === undefined ? (
                    t('Pay for an order with a test card; this line ticks itself.')
                  ) : (
                    <>
                      <a href="#/settings">{t('In the settings')}</a>, {t('or with')}{' '}
                      <code>npx tollgate {command}</code>
                    </>
                  )}
                </span>
              )}
            </li>
          );
        })}
      </ol>
    </section>
  );
};
