import type { ReactNode } from 'react';
import { useT } from '../ui/language.js';
import { useLoaded } from '../ui/load.js';
import { Empty, ErrorNotice, Waiting } from '../ui/notice.js';
import { useTitle, useView } from '../ui/route.js';
import type { Text } from '../ui/words.js';
import { type Column, Table } from './table.js';

/** One page of a list, as the server gives it. */
export interface Connection<Row> {
  readonly edges: readonly { readonly node: Row }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
}

/** Which page is asked for: so many rows after a cursor, or before one. */
export interface PageRequest {
  readonly first?: number | null;
  readonly last?: number;
  readonly after?: string;
  readonly before?: string;
}

/** How many rows a page of a list has. */
export const ROWS = 50;

/** The page that the view is at. */
const pageOf = (view: URLSearchParams): PageRequest => {
  const [after, before] = [view.get('after'), view.get('before')];
  if (before !== null) return { first: null, last: ROWS, before };
  return { first: ROWS, ...(after !== null && { after }) };
};

/** What no payment tells of, such as an event that fails, shows after so long. */
export const SLOW_MS = 15_000;

interface ListProps<Row> {
  readonly title: Text;
  readonly columns: readonly Column<Row>[];
  /** What narrows it; the address's words are in `view`. */
  readonly filters?: ReactNode;
  readonly read: (view: URLSearchParams, page: PageRequest) => Promise<Connection<Row>>;
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
  const isFurther = view.has('after') || view.has('before');
  const isNarrowed = view.size > (isFurther ? 1 : 0);
  const { value, error, isBefore } = useLoaded(`${props.title} ${view}`, () => read(view, pageOf(view)), {
    ...{ isLive: true, everyMs: SLOW_MS, keepsBefore: true },
  });
  const rows = value?.edges.map(({ node }) => node);
  return (
    <section className="card stack" aria-labelledby="list">
      <h1 id="list">{title}</h1>
      {filters && <div className="filters">{filters}</div>}
      {children}
      {rows ? <ErrorNotice error={error} /> : <Waiting error={error} />}
      {rows?.length === 0 && <Empty>{isNarrowed || isFurther ? t('No row fits this view.') : t(empty)}</Empty>}
      {rows && rows.length > 0 && <Table label={title} columns={columns} rows={rows} isBefore={isBefore} copies />}
      {value && <Pages pageInfo={value.pageInfo} />}
    </section>
  );
};

/** The ways to the rows before and after those that are shown. */
const Pages = ({ pageInfo }: { readonly pageInfo: Connection<unknown>['pageInfo'] }) => {
  const t = useT();
  const [view, change] = useView();
  const { hasNextPage, hasPreviousPage, startCursor, endCursor } = pageInfo;
  const isFurther = view.has('after') || view.has('before');
  if (!isFurther && !hasNextPage) return null;
  return (
    <nav className="row pages" aria-label={t('Pages')}>
      {isFurther && (
        <button type="button" className="quiet" onClick={() => change({ after: undefined, before: undefined })}>
          {t('⇤ Newest')}
        </button>
      )}
      {hasPreviousPage && startCursor !== null && (
        <button type="button" className="quiet" onClick={() => change({ after: undefined, before: startCursor })}>
          {t('← Newer ones')}
        </button>
      )}
      {hasNextPage && endCursor !== null && (
        <button type="button" className="quiet" onClick={() => change({ after: endCursor, before: undefined })}>
          {t('Older ones →')}
        </button>
      )}
    </nav>
  );
};
