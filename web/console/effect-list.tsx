import { useQueryClient } from '@tanstack/react-query';
import { useLanguage } from '../ui/language.js';
import { readAgain } from '../ui/load.js';
import { useView } from '../ui/route.js';
import { Status } from '../ui/status.js';
import { Time } from '../ui/time.js';
import { Breakable } from './breakable.js';
import { Deed } from './deed.js';
import { Choice } from './filter.js';
import { List, ROWS } from './list.js';
import { NodeLink } from './node-link.js';
import { EffectsDocument, type EffectsQuery, RetryDeadEffectsDocument, RetryEffectDocument } from './operations.js';
import { useTollgate } from './session.js';
import type { Column } from './table.js';
import { useMay } from './viewer.js';

/** One effect in the queue. */
export type EffectRow = EffectsQuery['effects']['edges'][number]['node'];

/** Tries one again, for who may. */
export const RetryEffect = ({ row: { id, running } }: { readonly row: EffectRow }) => {
  const { request } = useTollgate();
  const loads = useQueryClient();
  const may = useMay();
  const { t } = useLanguage();
  if (running || !may('EVENT_REPLAY')) return null;
  return (
    <Deed
      does={t('Try again')}
      yes={t('Yes, try again')}
      explains={t('It is tried at once, with all its attempts ahead.')}
      asksReason
      run={async ({ reason }) => {
        await request(RetryEffectDocument, { input: { id, reason } });
        await readAgain(loads);
        return t('It is tried again.');
      }}
    />
  );
};

/** Whether it waits, runs, or was given up on. */
export const EffectStatus = ({ dead, running }: Pick<EffectRow, 'dead' | 'running'>) => (
  <Status of={dead ? 'DEAD' : running ? 'RUNNING' : 'WAITING'} />
);

const COLUMNS: readonly Column<EffectRow>[] = [
  { title: 'Effect', cell: ({ name }) => <Breakable>{name}</Breakable> },
  { title: 'Status', cell: (row) => <EffectStatus {...row} /> },
  { title: 'Cause', isExtra: true, cell: ({ nodeType, nodeId }) => <NodeLink type={nodeType} id={nodeId} /> },
  {
    title: 'Attempts',
    isNumber: true,
    isExtra: true,
    cell: ({ attempts, maxAttempts }) => `${attempts} / ${maxAttempts}`,
  },
  { title: 'Why', isExtra: true, cell: ({ lastError }) => lastError ?? '' },
  { title: 'Added', isExtra: true, cell: ({ addedAt }) => <Time at={addedAt} /> },
  { title: 'Actions', cell: (row) => <RetryEffect row={row} /> },
];

/** What callback flows asked for outside of the database, while it waits, runs, or was given up on. */
export const EffectList = () => {
  const { request } = useTollgate();
  const [view] = useView();
  return (
    <List
      title="Effects"
      columns={COLUMNS}
      empty="No effect waits: what flows asked for is done."
      filters={<Choice name="status" label="Status" values={['DEAD']} />}
      read={async (narrowed, { after }) =>
        (
          await request(EffectsDocument, {
            dead: narrowed.get('status') === 'DEAD',
            nodeId: narrowed.get('of'),
            first: ROWS,
            after,
          })
        ).effects
      }
    >
      {view.get('status') === 'DEAD' && !view.has('of') && <RetryAll />}
    </List>
  );
};

const RetryAll = () => {
  const { request } = useTollgate();
  const loads = useQueryClient();
  const may = useMay();
  const { t, plural } = useLanguage();
  if (!may('EVENT_REPLAY')) return null;
  return (
    <Deed
      does={t('Try all again')}
      yes={t('Yes, try all again')}
      explains={t('All that were given up on are tried at once.')}
      asksReason
      run={async ({ reason }) => {
        const { ids } = (await request(RetryDeadEffectsDocument, { input: { reason } })).retryDeadEffects;
        await readAgain(loads);
        return plural(ids.length, '{count} is tried again.', '{count} are tried again.');
      }}
    />
  );
};
