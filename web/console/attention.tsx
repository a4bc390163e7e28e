import { useLoaded } from '../ui/load.js';
import { Empty, ErrorNotice, Waiting } from '../ui/notice.js';
import { AttentionDocument, type AttentionQuery } from './operations.js';
import { useTollgate } from './session.js';

const EVERY_MS = 8_000;
/** The server is asked for one row more than are counted. */
const MOST = 20;

/** What a person must decide, each with the view where it is put right. */
const waitingIn = ({ quarantined, disputes, pastDue, owed }: AttentionQuery) => {
  const count = ({ edges }: { readonly edges: readonly unknown[] }): string =>
    edges.length > MOST ? `more than ${MOST}` : `${edges.length}`;
  return [
    {
      name: 'Money that was set aside',
      list: quarantined,
      view: 'payments?status=QUARANTINED',
      count: count(quarantined),
    },
    {
      name: 'Disputes that need a response',
      list: disputes,
      view: 'disputes?status=NEEDS_RESPONSE',
      count: count(disputes),
    },
    { name: 'Recurring payments past due', list: pastDue, view: 'recurring?status=PAST_DUE', count: count(pastDue) },
    { name: 'Flows that are owed', list: owed, view: 'owed', count: count(owed) },
  ].filter(({ list }) => list.edges.length > 0);
};

/** What waits for a person. */
export const Attention = () => {
  const { request } = useTollgate();
  const { value, error } = useLoaded('attention', () => request(AttentionDocument, { first: MOST + 1 }), EVERY_MS);
  const waiting = value && waitingIn(value);
  return (
    <section className="card" aria-labelledby="attention">
      <h2 id="attention">Needs a person</h2>
      {waiting ? <ErrorNotice error={error} /> : <Waiting error={error} />}
      {waiting?.length === 0 && !error && <Empty>Nothing waits for a decision.</Empty>}
      <ul className="rows">
        {waiting?.map(({ name, view, count }) => (
          <li key={name}>
            <a className="grow" href={`#/${view}`}>
              {name}
            </a>
            <strong>{count}</strong>
          </li>
        ))}
      </ul>
    </section>
  );
};
