import { formatMoney } from 'tollgate-client';
import { type Activity, KINDS, type Sum } from './activity.js';

const NAMES = { succeeded: 'Succeeded', failed: 'Failed', refunded: 'Refunded' };

const wordsOf = ({ count, amounts }: Sum): string =>
  [`${count}`, ...[...amounts].map(([currency, sum]) => formatMoney(sum, currency))].join(' · ');

/** How many, and how much in each currency, of each kind, with the time before beside it. */
export const Totals = ({ activity }: { readonly activity: Activity }) => (
  <dl className="totals">
    {KINDS.map((kind) => {
      const { count, amounts } = activity.now[kind];
      return (
        <div key={kind} className={kind}>
          <dt>{NAMES[kind]}</dt>
          <dd>
            <strong>{count}</strong>{' '}
            <span>{[...amounts].map(([currency, sum]) => formatMoney(sum, currency)).join(' + ')}</span>
            <small className="soft">before: {wordsOf(activity.before[kind])}</small>
          </dd>
        </div>
      );
    })}
  </dl>
);
