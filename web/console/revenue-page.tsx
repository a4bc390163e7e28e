import { useLanguage } from '../ui/language.js';
import { useLoaded } from '../ui/load.js';
import { Empty, ErrorNotice, Waiting } from '../ui/notice.js';
import { useTitle, useView } from '../ui/route.js';
import { MonthsDocument } from './operations.js';
import { Money } from './payment-columns.js';
import { useTollgate } from './session.js';
import { type Column, Table } from './table.js';
import { useMay } from './viewer.js';

const MONTHS = 12;

/** What one month brought in one currency, in its smallest unit. */
interface Month {
  readonly id: string;
  /** Its first moment in UTC. */
  readonly from: string;
  readonly currency: string;
  readonly payments: number;
  readonly received: number;
  readonly refunds: number;
  readonly refunded: number;
}

/** The twelve months of which the last one is so many twelves before this one. */
const spanOf = (back: number) => {
  const now = new Date();
  const at = (months: number): string =>
    new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months - back * MONTHS)).toISOString();
  return { from: at(1 - MONTHS), to: at(1) };
};

/** How far back the view looks; what is no number doesn't. */
const backOf = (view: URLSearchParams): number => {
  const back = Number(view.get('back') ?? 0);
  return Number.isInteger(back) && back > 0 && back < 100 ? back : 0;
};

/** Payments and refunds of the same month and currency together, by currency, the newest month first. */
const useMonths = (back: number) => {
  const { request } = useTollgate();
  const refunds = useMay()('REFUND_READ_ANY');
  return useLoaded(
    `months ${back}`,
    async (): Promise<readonly Month[]> => {
      const { paymentTotals, refundTotals = [] } = await request(MonthsDocument, { ...spanOf(back), refunds });
      const months = new Map<string, Month>();
      const add = (from: string, currency: string, sums: Partial<Month>): void => {
        const id = `${from} ${currency}`;
        const before = months.get(id) ?? { id, from, currency, payments: 0, received: 0, refunds: 0, refunded: 0 };
        months.set(id, { ...before, ...sums });
      };
      for (const { from, currency, succeeded, received } of paymentTotals)
        add(from, currency, { payments: succeeded, received });
      for (const { from, currency, ...sums } of refundTotals) add(from, currency, sums);
      return [...months.values()]
        .filter(({ payments, refunds: some }) => payments + some > 0)
        .sort((a, b) => a.currency.localeCompare(b.currency) || b.from.localeCompare(a.from));
    },
    { keepsBefore: true },
  );
};

const MonthName = ({ from }: { readonly from: string }) => {
  const { language } = useLanguage();
  const format = new Intl.DateTimeFormat(language, { month: 'long', year: 'numeric', timeZone: 'UTC' });
  return <time dateTime={from.slice(0, 7)}>{format.format(new Date(from))}</time>;
};

/** A month beside the one that brought most, as a bar: the numbers stand before it. */
const Bar = ({ of, most }: { readonly of: number; readonly most: number }) => (
  <svg className="share" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
    <rect className={of < 0 ? 'failed' : 'succeeded'} width={most === 0 ? 0 : (100 * Math.abs(of)) / most} height="8" />
  </svg>
);

const netOf = ({ received, refunded }: Month): number => received - refunded;

const columnsOf = (months: readonly Month[]): readonly Column<Month>[] => {
  const most = Math.max(...months.map((month) => Math.abs(netOf(month))));
  return [
    { title: 'Month', cell: ({ from }) => <MonthName from={from} /> },
    { title: 'Payments', isNumber: true, isExtra: true, cell: ({ payments }) => payments },
    {
      title: 'Received',
      isNumber: true,
      cell: ({ received, currency }) => <Money of={received} currency={currency} />,
    },
    {
      title: 'Refunded',
      isNumber: true,
      isExtra: true,
      cell: ({ refunded, currency }) => refunded > 0 && <Money of={refunded} currency={currency} />,
    },
    {
      title: 'Left',
      isNumber: true,
      cell: (month) => (
        <strong>
          <Money of={netOf(month)} currency={month.currency} />
        </strong>
      ),
    },
    { title: 'Share', isExtra: true, cell: (month) => <Bar of={netOf(month)} most={most} /> },
  ];
};

/** The months of one currency: sums of two would be none. */
const OneCurrency = (props: {
  readonly currency: string;
  readonly months: readonly Month[];
  readonly isBefore: boolean;
}) => {
  const { currency, months, isBefore } = props;
  const { t } = useLanguage();
  const all = months.reduce((sum, month) => sum + netOf(month), 0);
  return (
    <section className="stack" aria-label={currency}>
      <h2>
        {currency} <Money of={all} currency={currency} />
      </h2>
      <Table
        label={`${t('Revenue by month')}, ${currency}`}
        columns={columnsOf(months)}
        rows={months}
        isBefore={isBefore}
      />
    </section>
  );
};

/** What each month brought, in each currency, by months of UTC: sums that the server made over all rows. */
export const RevenuePage = () => {
  const { t } = useLanguage();
  const [view, change] = useView();
  const back = backOf(view);
  const { value, error, isBefore } = useMonths(back);
  useTitle(t('Revenue by month'));
  return (
    <section className="card stack" aria-labelledby="revenue">
      <h1 id="revenue">{t('Revenue by month')}</h1>
      <p className="soft">
        {t(
          'Payments and refunds by the month of UTC in which each was begun, in its own currency. Fees, and money that is disputed, are not taken off.',
        )}
      </p>
      {value ? <ErrorNotice error={error} /> : <Waiting error={error} />}
      {value?.length === 0 && <Empty>{t('Nothing was paid in these twelve months.')}</Empty>}
      {[...new Set(value?.map(({ currency }) => currency))].map((currency) => (
        <OneCurrency
          key={currency}
          currency={currency}
          months={value?.filter((month) => month.currency === currency) ?? []}
          isBefore={isBefore}
        />
      ))}
      <nav className="row pages" aria-label={t('Pages')}>
        {back > 0 && (
          <button
            type="button"
            className="quiet"
            onClick={() => change({ back: back > 1 ? `${back - 1}` : undefined })}
          >
            {t('← Later months')}
          </button>
        )}
        <button type="button" className="quiet" onClick={() => change({ back: `${back + 1}` })}>
          {t('Earlier months →')}
        </button>
      </nav>
    </section>
  );
};
