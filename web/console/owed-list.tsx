import { useQueryClient } from '@tanstack/react-query';
import { useLanguage } from '../ui/language.js';
import { readAgain } from '../ui/load.js';
import { Status } from '../ui/status.js';
import { Time } from '../ui/time.js';
import { Deed } from './deed.js';
import { Choice, chosen } from './filter.js';
import { List } from './list.js';
import { NodeLink } from './node-link.js';
import {
  ENUMS,
  OwedFlowsDocument,
  type OwedFlowsQuery,
  RunOwedFlowDocument,
  SkipOwedFlowDocument,
} from './operations.js';
import { useTollgate } from './session.js';
import type { Column } from './table.js';

type Row = OwedFlowsQuery['owedFlows']['edges'][number]['node'];

/** What the flow was owed for. */
const Cause = ({ row: { nodeType, nodeId, toStatus } }: { readonly row: Row }) => (
  <>
    <NodeLink type={nodeType} id={nodeId} /> <Status of={toStatus} />
  </>
);

const Deeds = ({ row: { id, status } }: { readonly row: Row }) => {
  const { request } = useTollgate();
  const loads = useQueryClient();
  const { t } = useLanguage();
  if (status !== 'OWED') return null;
  return (
    <div className="row">
      <Deed
        does={t('Run now')}
        yes={t('Yes, run it')}
        explains={t('The flow runs in its order’s turn. Where it fails again, it stays owed with the error.')}
        run={async () => {
          const { owedFlow } = (await request(RunOwedFlowDocument, { input: { id } })).runOwedFlow;
          await readAgain(loads);
          return owedFlow.status === 'DONE' ? t('It has run.') : owedFlow.error;
        }}
      />
      <Deed
        does={t('Skip')}
        yes={t('Yes, never run it')}
        explains={t('It never runs. What the flow would have written, somebody must write.')}
        needsReason
        run={async ({ reason = '' }) => {
          await request(SkipOwedFlowDocument, { input: { id, reason } });
          await readAgain(loads);
          return t('Skipped.');
        }}
      />
    </div>
  );
};

const COLUMNS: readonly Column<Row>[] = [
  { title: 'Flow', cell: ({ flow }) => flow },
  { title: 'Order', cell: ({ orderId }) => orderId },
  { title: 'Cause', isExtra: true, cell: (row) => <Cause row={row} /> },
  { title: 'Status', cell: ({ status }) => <Status of={status} /> },
  { title: 'Why', isExtra: true, cell: ({ error, reason }) => reason ?? error },
  { title: 'Tries', isNumber: true, isExtra: true, cell: ({ tries }) => tries },
  { title: 'Since', isExtra: true, cell: ({ createdAt }) => <Time at={createdAt} /> },
  { title: 'Actions', cell: (row) => <Deeds row={row} /> },
];

/** Callback flows that run later, with the ways to run or skip each. */
export const OwedList = () => {
  const { request } = useTollgate();
  return (
    <List
      title="Owed flows"
      columns={COLUMNS}
      empty="No flow is owed: each ran with its change."
      filters={<Choice name="status" label="Status" values={ENUMS.OwedFlowStatus} />}
      read={async (view, { after }) =>
        (await request(OwedFlowsDocument, { status: chosen(view, 'status', ENUMS.OwedFlowStatus), after })).owedFlows
      }
    />
  );
};
