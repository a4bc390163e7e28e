import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { hasEnded } from 'tollgate-client';
import { Field } from '../ui/field.js';
import { useLanguage } from '../ui/language.js';
import { readAgain, useLoaded } from '../ui/load.js';
import { ErrorNotice } from '../ui/notice.js';
import { Time } from '../ui/time.js';
import { type Asked, Deed } from './deed.js';
import { type RecurringRowFragment, RetryRenewalDocument } from './operations.js';
import { useRested } from './rested.js';
import { useTollgate } from './session.js';
import { useMay } from './viewer.js';

interface Parts {
  readonly row: RecurringRowFragment;
  readonly onDone: () => void;
}

/** What may be done with a recurring payment that has not ended, by this operator. */
export const RecurringActions = (parts: Parts) => {
  const may = useMay();
  const { t } = useLanguage();
  const [mayEnd, mayChange] = [may('RECURRING_CANCEL'), may('RECURRING_CHANGE')];
  if (hasEnded(parts.row) || (!mayEnd && !mayChange)) return null;
  return (
    <section className="card stack" aria-labelledby="actions">
      <h2 id="actions">{t('Actions')}</h2>
      <div className="row">
        {mayEnd && <Ends {...parts} />}
        {mayChange && <Pauses {...parts} />}
        {mayChange && <Change {...parts} />}
      </div>
    </section>
  );
};

const Ends = ({ row, onDone }: Parts) => {
  const tollgate = useTollgate();
  const { t } = useLanguage();
  const end = (at: 'NOW' | 'PERIOD_END', done: string) => async (asked: Asked) => {
    await tollgate.cancelRecurringPayment({ recurringPaymentId: row.id, at, ...asked });
    onDone();
    return done;
  };
  return (
    <>
      {row.cancelAtPeriodEnd ? (
        <Deed
          does={t('Resume')}
          yes={t('Yes, resume')}
          explains={t('The scheduled end is taken back, and charges go on.')}
          asksReason
          run={async (asked) => {
            await tollgate.resumeRecurringPayment({ recurringPaymentId: row.id, ...asked });
            onDone();
            return t('It goes on.');
          }}
        />
      ) : (
        <Deed
          does={t('Cancel at the period’s end')}
          yes={t('Yes, cancel at the period’s end')}
          explains={t('What is paid for runs out; nothing is charged after it.')}
          asksReason
          run={end('PERIOD_END', t('It ends with its period.'))}
        />
      )}
      <Deed
        does={t('Cancel now')}
        yes={t('Yes, cancel now')}
        explains={t('It ends at once and can’t be taken back. Nothing is refunded by itself.')}
        asksReason
        run={end('NOW', t('It has ended.'))}
      />
    </>
  );
};

const Pauses = ({ row, onDone }: Parts) => {
  const tollgate = useTollgate();
  const { t } = useLanguage();
  if (row.collectionPaused)
    return (
      <Deed
        does={t('Collect again')}
        yes={t('Yes, collect again')}
        explains={t('The next invoice is charged as usual.')}
        asksReason
        run={async (asked) => {
          await tollgate.unpauseRecurringPayment({ recurringPaymentId: row.id, ...asked });
          onDone();
          return t('Collection goes on.');
        }}
      />
    );
  return (
    <Deed
      does={t('Pause collection')}
      yes={t('Yes, pause collection')}
      explains={t('Invoices are voided until collection goes on; nothing is charged.')}
      asksReason
      run={async (asked) => {
        await tollgate.pauseRecurringPayment({ recurringPaymentId: row.id, ...asked });
        onDone();
        return t('Collection is paused.');
      }}
    />
  );
};

/** Another price or quantity, with what it will cost before it is done. */
const Change = ({ row, onDone }: Parts) => {
  const tollgate = useTollgate();
  const { t } = useLanguage();
  const [priceId, setPrice] = useState(row.priceId);
  const [quantity, setQuantity] = useState(`${row.quantity}`);
  const [isNow, setNow] = useState(true);
  const pieces = /^[1-9]\d{0,5}$/.test(quantity) ? Number(quantity) : undefined;
  const terms = {
    recurringPaymentId: row.id,
    ...(priceId.trim() !== row.priceId && { priceId: priceId.trim() }),
    ...(pieces !== row.quantity && { quantity: pieces }),
    at: isNow ? ('NOW' as const) : ('PERIOD_END' as const),
  };
  const isOther = pieces !== undefined && priceId.trim() !== '' && ('priceId' in terms || 'quantity' in terms);
  return (
    <Deed
      does={t('Change price or quantity')}
      yes={t('Yes, change it')}
      explains={t('Later charges come to what is agreed here.')}
      of={JSON.stringify(terms)}
      isReady={isOther}
      asksReason
      run={async (asked) => {
        await tollgate.changeRecurringPayment({ ...terms, ...asked });
        onDone();
        return t('Changed.');
      }}
    >
      <div className="row">
        <Field label={t('Price')} value={priceId} onChange={(event) => setPrice(event.target.value)} />
        <Field
          label={t('Quantity')}
          inputMode="numeric"
          value={quantity}
          onChange={(event) => setQuantity(event.target.value)}
          problem={pieces === undefined ? t('Write a whole number.') : undefined}
        />
      </div>
      <label className="check">
        <input type="checkbox" checked={isNow} onChange={(event) => setNow(event.target.checked)} />
        <span>{t('At once, instead of at the period’s end')}</span>
      </label>
      {isOther && <Preview terms={terms} />}
    </Deed>
  );
};

/** What a change will cost, as Stripe reckons it. */
const Preview = ({ terms }: { readonly terms: { readonly recurringPaymentId: string } }) => {
  const tollgate = useTollgate();
  const { t, money } = useLanguage();
  const key = useRested(JSON.stringify(terms));
  const { value, error, isBefore } = useLoaded(`preview ${key}`, () =>
    tollgate.previewRecurringChange(JSON.parse(key) as typeof terms),
  );
  if (!value || isBefore) return error ? <ErrorNotice error={error} /> : <p className="soft">{t('Loading …')}</p>;
  return (
    <p role="status">
      {t('Due now: {now}. Next charge: {next}', {
        now: money(value.amountDueNow, value.currency),
        next: money(value.nextAmount, value.currency),
      })}
      {value.nextAt !== null && (
        <>
          , <Time at={value.nextAt} dayOnly />
        </>
      )}
      .
    </p>
  );
};

/** Charges a failed renewal again, with the method that the customer keeps. */
export const RetryRenewal = ({ charge }: { readonly charge: { readonly id: string; readonly status: string } }) => {
  const { request } = useTollgate();
  const loads = useQueryClient();
  const may = useMay();
  const { t } = useLanguage();
  if (charge.status !== 'FAILED' || !may('PAYMENT_MANAGE')) return null;
  return (
    <Deed
      does={t('Charge again')}
      yes={t('Yes, charge again')}
      explains={t('The invoice is charged now, to the customer’s default method.')}
      asksReason
      run={async (asked) => {
        const { payment } = (await request(RetryRenewalDocument, { input: { paymentId: charge.id, ...asked } }))
          .retryRenewal;
        await readAgain(loads);
        return payment.status === 'SUCCESSFUL' ? t('It is paid.') : t('It is under way.');
      }}
    />
  );
};
