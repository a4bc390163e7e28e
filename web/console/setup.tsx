import type { ReactNode } from 'react';
import { useT } from '../ui/language.js';
import { useLoaded } from '../ui/load.js';
import { ErrorNotice } from '../ui/notice.js';
import { FirstPaymentDocument, PaymentSettingsDocument } from './operations.js';
import { useTollgate } from './session.js';

const EVERY_MS = 5_000;

interface Step {
  readonly name: string;
  readonly isDone: boolean;
  readonly how: ReactNode;
}

/** Leads from a new installation to its first payment: each step ticks itself. Gone once all are done. */
export const Setup = () => {
  const { request } = useTollgate();
  const t = useT();
  const read = async () => {
    const [{ paymentSettings }, { payments }] = await Promise.all([
      request(PaymentSettingsDocument, {}),
      request(FirstPaymentDocument, {}),
    ]);
    return { ...paymentSettings, hasPayment: payments.edges.length > 0 };
  };
  const { value, error } = useLoaded('setup', read, { isLive: true, everyMs: EVERY_MS });
  if (!value) return <ErrorNotice error={error} />;
  const settings = <a href="#/settings">{t('In the settings')}</a>;
  const orWith = (command: string) => (
    <>
      {settings}, {t('or with')} <code>npx tollgate {command}</code>
    </>
  );
  const steps: readonly Step[] = [
    { name: t('The database answers'), isDone: true, how: null },
    {
      name: t('Stripe’s keys are set'),
      isDone: value.secretKeySet && value.publishableKey !== null,
      how: orWith('configure'),
    },
    {
      name: t('Stripe’s webhooks are known by their secret'),
      isDone: value.webhookSecretSet,
      how: (
        <>
          {t('With')} <code>npx tollgate webhook register</code>
        </>
      ),
    },
    { name: t('The order table is bound'), isDone: value.orderTable !== null, how: orWith('activate') },
    { name: t('The plan takes payments'), isDone: value.active, how: orWith('plan PRO') },
    {
      name: t('The first payment has arrived'),
      isDone: value.hasPayment,
      how: t('Pay for an order with a test card; this line ticks itself.'),
    },
  ];
  if (steps.every(({ isDone }) => isDone)) return null;
  return (
    <section className="card" aria-labelledby="setup">
      <h2 id="setup">{t('To the first payment')}</h2>
      <ErrorNotice error={error} />
      <ol className="rows">
        {steps.map(({ name, isDone, how }) => (
          <li key={name} data-done={isDone}>
            <span aria-hidden="true">{isDone ? '✓' : '○'}</span>
            <span className="grow">
              {name} {isDone && <span className="unseen">({t('done')})</span>}
            </span>
            {!isDone && <span className="soft">{how}</span>}
          </li>
        ))}
      </ol>
    </section>
  );
};
