import type { Finding } from '../../installation/problems.js';
import type { Queryable } from '../../storage/database.js';

interface Row {
  readonly id: string;
  readonly flow: string;
  readonly orderId: string;
  readonly nodeType: string;
  readonly nodeId: string;
  readonly toStatus: string;
  readonly error: string;
  readonly tries: number;
  readonly since: Date;
  /** Others of its order. */
  readonly behind: number;
}

const AT_MOST = 100;

/** Whose flow it is, in words. */
const subjectOf = ({ nodeType, nodeId, toStatus }: Row): string =>
  nodeType === 'RENEWAL'
    ? `invoice ${nodeId}, whose charge has no order and no payment yet`
    : `${nodeType.toLowerCase().replaceAll('_', ' ')} ${nodeId}, ${toStatus}`;

/** Orders whose flows are owed: of each the first, the oldest before others. */
export const owedFlowProblems = async (database: Queryable): Promise<Finding[]> => {
  const rows = await database.query<Row>({
    text: `select w.id::text as "id", w.flow, w.order_id as "orderId", w.node_type as "nodeType", w.node_id as "nodeId",
        w.to_status as "toStatus", w.error, w.tries, w.created_at as "since", (
          select count(*) from tollgate.owed_flow o where o.order_id = w.order_id and o.status = 'OWED' and o.id > w.id) as "behind"
      from tollgate.owed_flow w where w.status = 'OWED' and not exists (
        select from tollgate.owed_flow o where o.order_id = w.order_id and o.status = 'OWED' and o.id < w.id)
      order by w.created_at limit $1`,
    values: [AT_MOST],
  });
  return rows.map((row) => ({
    code: 'FLOW_OWED',
    subject: row.id,
    message: `${row.flow} is owed to order ${row.orderId} (${subjectOf(row)}): ${row.error}${row.behind > 0 ? `; ${row.behind} more wait behind it` : ''}.`,
    remedy: `Fix the flow and restart the server: it is retried automatically. "npx tollgate flows run ${row.id}" tries it now, "npx tollgate flows skip ${row.id} --reason …" goes on without it; what was received can be refunded meanwhile.`,
    since: row.since,
  }));
};
