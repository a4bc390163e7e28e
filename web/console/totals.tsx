import { useLanguage } from '../ui/language.js';
import { type Activity, KIND_NAMES, KINDS, type Sum } from './activity.js';

/** How many of those that ended well or badly ended well, in whole percent; undefined where none ended. */
const successOf = ({ succeeded, failed }: Activity['now']): number | undefined => {
  const all = succeeded.count + failed.count;
  return all === 0 ? undefined : Math.floor((100 * succeeded.count) / all);
};

/** How many, and how much in each currency, of each kind, with the time before beside it. */
export const Totals = ({ activity }: { readonly activity: Activity }) => {
  const { t, money } = useLanguage();
  const sumsOf = ({ amounts }: Sum): string[] => [...amounts].map(([currency, sum]) => money(sum, currency));
  const percent = (part: Activity['now']): string => {
    const success = successOf(part);
    return success === undefined ? '–' : `${success} %`;
  };
  return (
    <dl className="totals">
      {KINDS.map((kind) => {
        const [now, before] = [activity.now[kind], activity.before[kind]];
        return (
          <div key={kind} className={kind}>
            <dt>{t(KIND_NAMES[kind])}</dt>
            <dd>
              <strong>{now.count}</strong> <span>{sumsOf(now).join(' + ')}</span>
              <small className="soft">
                {t('before: {sums}', { sums: [`${before.count}`, ...sumsOf(before)].join(' · ') })}
              </small>
            </dd>
          </div>
        );
      })}
      <div>
        <dt>{t('Success rate')}</dt>
        <dd>
          <strong>{percent(activity.now)}</strong>
          <small className="soft">{t('before: {sums}', { sums: percent(activity.before) })}</small>
        </dd>
      </div>
    </dl>
  );
};
