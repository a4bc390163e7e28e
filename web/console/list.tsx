import type { ReactNode } from 'react';
import { useLoaded } from '../ui/load.js';
import { Empty, ErrorNotice, Waiting } from '../ui/notice.js';
import { useTitle, useView } from '../ui/route.js';
import { type Column, Table } from './table.js';

/** One page of a list, as the server gives it. */
export interface Connection<Row> {
  readonly edges: readonly { readonly node: Row }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

const EVERY_MS = 5_000;

/** A list of rows, the newest first, a page at a time. The address holds what it is narrowed to: it can be sent to somebody. */
export const List = <Row extends { readonly id: string }>(props: {
  readonly title: string;
  readonly columns: readonly Column<Row>[];
  /** What narrows it; the address's words are in `view`. */
  readonly filters?: ReactNode;
  readonly read: (view: URLSearchParams, after: string | null) => Promise<Connection<Row>>;
  /** What would bring a row. */
  readonly empty: string;
}) => {
  const { title, columns, filters, read, empty } = props;
  const [view, change] = useView();
  useTitle(title);
  const after = view.get('after');
  const isNarrowed = [...view.keys()].some((name) => name !== 'after');
  const { value, error } = useLoaded(`${title} ${view}`, () => read(view, after), EVERY_MS);
  const rows = value?.edges.map(({ node }) => node);
  return (
    <section className="card stack" aria-labelledby="list">
      <h1 id="list">{title}</h1>
      {filters && <div className="filters">{filters}</div>}
      {rows ? <ErrorNotice error={error} /> : <Waiting error={error} />}
      {rows?.length === 0 && <Empty>{isNarrowed || after ? 'No row fits this view.' : empty}</Empty>}
      {rows && rows.length > 0 && <Table label={title} columns={columns} rows={rows} />}
      {(after !== null || value?.pageInfo.hasNextPage) && (
        <nav className="row pages" aria-label="Pages">
          {after !== null && (
            <button type="button" className="quiet" onClick={() => history.back()}>
              ← Newer ones
            </button>
          )}
          {value?.pageInfo.hasNextPage && (
            <button
              type="button"
              className="quiet"
              onClick={() => change({ after: value.pageInfo.endCursor ?? undefined })}
            >
              Older ones →
            </button>
          )}
        </nav>
      )}
    </section>
  );
};
