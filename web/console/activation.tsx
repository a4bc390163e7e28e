import { useState } from 'react';
import { Field } from '../ui/field.js';
import { type Text, useLanguage } from '../ui/language.js';
import { Deed } from './deed.js';
import { ActivatePaymentsDocument } from './operations.js';
import { useTollgate } from './session.js';

const FIELDS = {
  orderTable: 'Order table, with its schema',
  idColumn: 'Column of the id',
  ownerColumn: 'Column of the owner (optional)',
  amountColumn: 'Column of the amount (optional)',
  currencyColumn: 'Column of the currency (optional)',
  currency: 'One currency of all orders (optional)',
} as const satisfies Readonly<Record<string, Text>>;

type Values = Readonly<Record<keyof typeof FIELDS, string>>;
const EMPTY: Values = {
  ...{ orderTable: '', idColumn: 'id', ownerColumn: '', amountColumn: '', currencyColumn: '', currency: '' },
};

/** Binds payments to the app's own order table: once, and for good. */
export const Activation = ({ onDone }: { readonly onDone: () => void }) => {
  const { request } = useTollgate();
  const { t } = useLanguage();
  const [values, setValues] = useState(EMPTY);
  const [isMajor, setMajor] = useState(false);
  const { orderTable, idColumn, ...optional } = values;
  const given = Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== ''));
  const place = { table: orderTable || '…', column: idColumn || '…' };
  return (
    <section className="card stack" aria-labelledby="activation">
      <h2 id="activation">{t('Order table')}</h2>
      <Deed
        does={t('Bind an order table')}
        yes={t('Yes, bind it for good')}
        explains={
          <>
            {t('Every payment, refund and dispute gets a foreign key to {table}.{column}.', place)}{' '}
            {t('Triggers keep {table} from losing rows that were paid, and from losing its key.', place)}{' '}
            {t('Nothing of {table} is changed. This can’t be taken back.', place)}
          </>
        }
        typed={orderTable}
        isReady={orderTable !== '' && idColumn !== ''}
        run={async () => {
          const unit = values.amountColumn !== '' && isMajor ? { amountUnit: 'MAJOR' as const } : {};
          await request(ActivatePaymentsDocument, { input: { orderTable, idColumn, ...given, ...unit } });
          onDone();
          return t('{table} is bound.', place);
        }}
      >
        <div className="row">
          {(Object.keys(FIELDS) as (keyof typeof FIELDS)[]).map((name) => (
            <Field
              key={name}
              label={t(FIELDS[name])}
              value={values[name]}
              onChange={(event) => setValues({ ...values, [name]: event.target.value.trim() })}
            />
          ))}
        </div>
        <label className="check">
          <input type="checkbox" checked={isMajor} onChange={(event) => setMajor(event.target.checked)} />
          <span>{t('The amount is in whole units: 10.00, not 1000')}</span>
        </label>
      </Deed>
    </section>
  );
};
