import type { ReactNode } from 'react';

/** One column of a table. */
export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => ReactNode;
  /** Numbers stand to the right. */
  readonly isNumber?: boolean;
  /** Left out where the page is narrow. */
  readonly isExtra?: boolean;
}

const classOf = <Row,>({ isNumber, isExtra }: Column<Row>): string | undefined =>
  [isNumber && 'number', isExtra && 'extra'].filter(Boolean).join(' ') || undefined;

/** Rows in columns; the first column's cell is the way into the row. */
export const Table = <Row extends { readonly id: string }>(props: {
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
}) => (
  <table className="table" aria-label={props.label}>
    <thead>
      <tr>
        {props.columns.map((column) => (
          <th key={column.title} scope="col" className={classOf(column)}>
            {column.title}
          </th>
        ))}
      </tr>
    </thead>
    <tbody>
      {props.rows.map((row) => (
        <tr key={row.id}>
          {props.columns.map((column) => (
            <td key={column.title} className={classOf(column)}>
              {column.cell(row)}
            </td>
          ))}
        </tr>
      ))}
    </tbody>
  </table>
);
