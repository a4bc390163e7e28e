import { useState } from 'react';
import { type Loaded, useLoaded } from '../ui/load.js';

/** One page of a list, as the server gives it. */
export interface Connection<Row> {
  readonly edges: readonly { readonly node: Row }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

/** The rows so far, and the way to the older ones. */
export interface Paged<Row> extends Loaded<{ readonly rows: readonly Row[]; readonly hasMore: boolean }> {
  more(): void;
}

/** A list that grows by a page with each `more`, and is read again every few seconds. */
export const usePaged = <Row>(
  key: string,
  readPage: (after: string | null) => Promise<Connection<Row>>,
  everyMs: number,
): Paged<Row> => {
  const [pages, setPages] = useState(1);
  const loaded = useLoaded(`${key} ${pages}`, () => readPages(readPage, pages), everyMs);
  return { ...loaded, more: () => setPages(pages + 1) };
};

const readPages = async <Row>(
  readPage: (after: string | null) => Promise<Connection<Row>>,
  pages: number,
): Promise<{ rows: readonly Row[]; hasMore: boolean }> => {
  const rows: Row[] = [];
  let after: string | null = null;
  for (let page = 0; page < pages; page += 1) {
    const { edges, pageInfo }: Connection<Row> = await readPage(after);
    rows.push(...edges.map(({ node }) => node));
    if (!pageInfo.hasNextPage) return { rows, hasMore: false };
    after = pageInfo.endCursor;
  }
  return { rows, hasMore: true };
};
