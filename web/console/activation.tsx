import { useState } from 'react';
import { Field } from '../ui/field.js';
import { useLanguage } from '../ui/language.js';
import { useLoaded } from '../ui/load.js';
import { Waiting } from '../ui/notice.js';
import type { Text } from '../ui/words.js';
import { Deed } from './deed.js';
import { ActivatePaymentsDocument, type ActivatePaymentsInput, PreviewActivationDocument } from './operations.js';
import { useRested } from './rested.js';
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
  const unit = values.amountColumn !== '' && isMajor ? { amountUnit: 'MAJOR' as const } : {};
  const input: ActivatePaymentsInput = { orderTable, idColumn, ...given, ...unit };
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
          await request(ActivatePaymentsDocument, { input });
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
        {orderTable !== '' && <Preview input={input} />}
      </Deed>
    </section>
  );
};

/** What would be bound and made, read from the table itself; what can't be bound says why. */
const Preview = ({ input }: { readonly input: ActivatePaymentsInput }) => {
  const { request } = useTollgate();
  const { t } = useLanguage();
  const key = useRested(JSON.stringify(input));
  const read = async () =>
    (await request(PreviewActivationDocument, { input: JSON.parse(key) as ActivatePaymentsInput })).previewActivation;
  const { value, error } = useLoaded(`activation ${key}`, read);
  if (!value) return <Waiting error={error} />;
  return (
    <div className="notice good" role="status">
      <p>
        {t('{table} can be bound: its key {column} is of the type {type}.', {
          ...{ table: value.orderTable.table, column: value.orderTable.idColumn, type: value.idType },
        })}
      </p>
      <ul className="rows">
        {value.files.map(({ file, state, problem }) => (
          <li key={file}>
            <code className="grow">{file}</code> {state} {problem}
          </li>
        ))}
      </ul>
    </div>
  );
};
