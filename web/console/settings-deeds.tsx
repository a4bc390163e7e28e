import { useId, useState } from 'react';
import { Field } from '../ui/field.js';
import { useLanguage } from '../ui/language.js';
import { useWords } from '../ui/status.js';
import type { Text } from '../ui/words.js';
import { Deed } from './deed.js';
import {
  ConfigureStripeDocument,
  ENUMS,
  type PaymentSettingsQuery,
  SetMoneyPolicyDocument,
  SetPlanDocument,
} from './operations.js';
import { useTollgate } from './session.js';

interface Parts {
  readonly settings: PaymentSettingsQuery['paymentSettings'];
  readonly onDone: () => void;
}

type Policy = (typeof ENUMS.MoneyPolicy)[number];

/** What may be set, each after a question. */
export const SettingsDeeds = (parts: Parts) => {
  const { t } = useLanguage();
  return (
    <section className="card stack" aria-labelledby="change">
      <h2 id="change">{t('Change')}</h2>
      <div className="row">
        <Keys {...parts} />
        <Plan {...parts} />
        <Policies {...parts} />
      </div>
    </section>
  );
};

/** A choice of one value. */
export const Select = <Value extends string>(props: {
  readonly label: string;
  readonly value: Value;
  readonly values: readonly Value[];
  readonly onChange: (value: Value) => void;
}) => {
  const { label, value, values, onChange } = props;
  const id = useId();
  const words = useWords();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onChange(event.target.value as Value)}>
        {values.map((one) => (
          <option key={one} value={one}>
            {words(one)}
          </option>
        ))}
      </select>
    </div>
  );
};

/** Keys go in and never come out. */
const Keys = ({ onDone }: Parts) => {
  const { request } = useTollgate();
  const { t } = useLanguage();
  const [publishableKey, setPublishable] = useState('');
  const [secretKey, setSecret] = useState('');
  const [webhookSecret, setWebhook] = useState('');
  return (
    <Deed
      does={t('Set Stripe’s keys')}
      yes={t('Yes, set the keys')}
      explains={t('They are kept encrypted and never shown again. Live keys move real money.')}
      isReady={publishableKey !== '' && secretKey !== ''}
      run={async () => {
        const input = { publishableKey, secretKey, ...(webhookSecret !== '' && { webhookSecret }) };
        await request(ConfigureStripeDocument, { input });
        for (const forget of [setPublishable, setSecret, setWebhook]) forget('');
        onDone();
        return t('The keys are set.');
      }}
    >
      {(
        [
          ['Publishable key', publishableKey, setPublishable, 'text'],
          ['Secret key', secretKey, setSecret, 'password'],
          ['Webhook secret (optional)', webhookSecret, setWebhook, 'password'],
        ] as const satisfies readonly (readonly [Text, string, (value: string) => void, string])[]
      ).map(([name, value, set, type]) => (
        <Field
          key={name}
          label={t(name)}
          type={type}
          autoComplete="off"
          value={value}
          onChange={(event) => set(event.target.value.trim())}
        />
      ))}
    </Deed>
  );
};

const Plan = ({ settings, onDone }: Parts) => {
  const { request } = useTollgate();
  const { t, plural } = useLanguage();
  const [plan, setPlan] = useState<string>(settings.plan);
  return (
    <Deed
      does={t('Change the plan')}
      yes={t('Yes, change the plan to {plan}', { plan })}
      explains={t(
        'PRO and ENTERPRISE take payments. With a smaller plan nothing new is paid; what runs at Stripe goes on.',
      )}
      isReady={plan !== settings.plan}
      run={async () => {
        const { liveRecurringPayments: live, settings: now } = (await request(SetPlanDocument, { input: { plan } }))
          .setPlan;
        onDone();
        if (now.active || live === 0) return t('The plan is {plan}.', { plan });
        return plural(
          live,
          'One recurring payment goes on charging at Stripe.',
          '{count} recurring payments go on charging at Stripe.',
        );
      }}
    >
      <Select label={t('Plan')} value={plan} values={ENUMS.Plan} onChange={setPlan} />
    </Deed>
  );
};

const Policies = ({ settings, onDone }: Parts) => {
  const { request } = useTollgate();
  const { t } = useLanguage();
  const [late, setLate] = useState(settings.latePaymentPolicy as Policy);
  const [mismatch, setMismatch] = useState(settings.mismatchPolicy as Policy);
  return (
    <Deed
      does={t('Change what becomes of wrong money')}
      yes={t('Yes, change it')}
      explains={t('It holds for money that arrives from now on.')}
      isReady={late !== settings.latePaymentPolicy || mismatch !== settings.mismatchPolicy}
      run={async () => {
        await request(SetMoneyPolicyDocument, { input: { latePayment: late, mismatch } });
        onDone();
        return t('Changed.');
      }}
    >
      <Select label={t('Late money')} value={late} values={ENUMS.MoneyPolicy} onChange={setLate} />
      <Select
        label={t('Money of another amount')}
        value={mismatch}
        values={ENUMS.MoneyPolicy.filter((policy) => policy !== 'ACCEPT')}
        onChange={setMismatch}
      />
    </Deed>
  );
};
