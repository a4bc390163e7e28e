import type { ReactNode } from 'react';
import { useT } from '../ui/language.js';
import type { Text } from '../ui/words.js';
import { CopyButton } from './copy.js';

/** One column of a table. */
export interface Column<Row> {
  readonly title: Text;
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
  /** The rows are those of the view before. */
  readonly isBefore?: boolean;
  /** Each row's id can be copied. */
  readonly copies?: boolean;
}) => {
  const t = useT();
  const { label, columns, rows, isBefore, copies } = props;
  return (
    <table className="table" aria-label={label} aria-busy={isBefore}>
      <thead>
        <tr>
          {columns.map((column) => (
            <th key={column.title} scope="col" className={classOf(column)}>
              {t(column.title)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.id} data-id={row.id}>
            {columns.map((column, index) => (
              <td key={column.title} className={classOf(column)}>
                {column.cell(row)}
                {copies && index === 0 && <CopyButton text={row.id} inRow />}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
};
