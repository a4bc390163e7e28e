import { formatMoney } from '../ui/money.js';
import type { Happening } from './activity.js';

const KINDS = [
  ['succeeded', 'Succeeded'],
  ['failed', 'Failed'],
  ['refunded', 'Refunded'],
] as const;

/** How many, and how much per currency, of each kind. */
export const Totals = ({ happenings }: { readonly happenings: readonly Happening[] }) => (
  <dl className="totals">
    {KINDS.map(([kind, name]) => {
      const these = happenings.filter((happening) => happening.kind === kind);
      return (
        <div key={kind} className={kind}>
          <dt>{name}</dt>
          <dd>
            <strong>{these.length}</strong> <span className="soft">{sumsOf(these).join(' + ')}</span>
          </dd>
        </div>
      );
    })}
  </dl>
);

const sumsOf = (happenings: readonly Happening[]): string[] => {
  const sums = new Map<string, number>();
  for (const { amount, currency } of happenings) sums.set(currency, (sums.get(currency) ?? 0) + amount);
  return [...sums].map(([currency, sum]) => formatMoney(sum, currency));
};
