import { useLanguage } from '../ui/language.js';
import { useLoaded } from '../ui/load.js';
import { ErrorNotice } from '../ui/notice.js';
import { LimitsDocument } from './operations.js';
import { useTollgate } from './session.js';

/** The limits in force, each with the variable that sets it. */
export const Limits = () => {
  const { request } = useTollgate();
  const { t, language } = useLanguage();
  const { value, error } = useLoaded('limits', async () => (await request(LimitsDocument, {})).limits);
  const numbers = new Intl.NumberFormat(language);
  return (
    <details className="card">
      <summary>{t('Limits in force')}</summary>
      <ErrorNotice error={error} />
      <ul className="rows">
        {value?.map((limit) => (
          <li key={limit.variable}>
            <span className="grow">{limit.meaning}</span>
            <strong>{numbers.format(limit.value)}</strong>
            <code className="detail soft">{limit.variable}</code>
          </li>
        ))}
      </ul>
    </details>
  );
};
