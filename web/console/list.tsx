import type { ReactNode } from 'react';
import { type Text, useT } from '../ui/language.js';
import { useLoaded } from '../ui/load.js';
import { Empty, ErrorNotice, Waiting } from '../ui/notice.js';
import { useTitle, useView } from '../ui/route.js';
import { type Column, Table } from './table.js';

/** One page of a list, as the server gives it. */
export interface Connection<Row> {
  readonly edges: readonly { readonly node: Row }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

/** What no payment tells of, such as an event that fails, shows after so long. */
export const SLOW_MS = 15_000;

interface ListProps<Row> {
  readonly title: Text;
  readonly columns: readonly Column<Row>[];
  /** What narrows it; the address's words are in `view`. */
  readonly filters?: ReactNode;
  readonly read: (view: URLSearchParams, after: string | null) => Promise<Connection<Row>>;
  /** What would bring a row. */
  readonly empty: Text;
  /** What can be done with the rows of the view. */
  readonly children?: ReactNode;
}

/** A list of rows, the newest first, a page at a time. The address holds what it is narrowed to: it can be sent to somebody. */
export const List = <Row extends { readonly id: string }>(props: ListProps<Row>) => {
  const t = useT();
  const { columns, filters, read, empty, children } = props;
  const title = t(props.title);
  const [view] = useView();
  useTitle(title);
  const after = view.get('after');
  const isNarrowed = [...view.keys()].some((name) => name !== 'after');
  const { value, error, isBefore } = useLoaded(`${props.title} ${view}`, () => read(view, after), {
    ...{ isLive: true, everyMs: SLOW_MS, keepsBefore: true },
  });
  const rows = value?.edges.map(({ node }) => node);
  return (
    <section className="card stack" aria-labelledby="list">
      <h1 id="list">{title}</h1>
      {filters && <div className="filters">{filters}</div>}
      {children}
      {rows ? <ErrorNotice error={error} /> : <Waiting error={error} />}
      {rows?.length === 0 && <Empty>{isNarrowed || after ? t('No row fits this view.') : t(empty)}</Empty>}
      {rows && rows.length > 0 && <Table label={title} columns={columns} rows={rows} isBefore={isBefore} copies />}
      {value && <Pages pageInfo={value.pageInfo} />}
    </section>
  );
};

/** The ways to the rows before and after those that are shown. */
const Pages = ({ pageInfo }: { readonly pageInfo: Connection<unknown>['pageInfo'] }) => {
  const t = useT();
  const [view, change] = useView();
  const isFirst = !view.has('after');
  if (isFirst && !pageInfo.hasNextPage) return null;
  return (
    <nav className="row pages" aria-label={t('Pages')}>
      {!isFirst && (
        <>
          <button type="button" className="quiet" onClick={() => change({ after: undefined })}>
            {t('⇤ Newest')}
          </button>
          <button type="button" className="quiet" onClick={() => history.back()}>
            {t('← Newer ones')}
          </button>
        </>
      )}
      {pageInfo.hasNextPage && (
        <button type="button" className="quiet" onClick={() => change({ after: pageInfo.endCursor ?? undefined })}>
          {t('Older ones →')}
        </button>
      )}
    </nav>
  );
};
