import { useLanguage } from '../ui/language.js';
import { useLoaded } from '../ui/load.js';
import { ErrorNotice } from '../ui/notice.js';
import type { Range } from './activity.js';
import { DeclinesDocument, type DeclinesQuery } from './operations.js';
import { useTollgate } from './session.js';

type Node = DeclinesQuery['payments']['edges'][number]['node'];

/** The reasons, the most frequent first. */
const countByReason = (nodes: readonly Node[]) => {
  const found = new Map<string, { readonly message: string; readonly count: number }>();
  for (const { failureCode, failureMessage } of nodes) {
    const code = failureCode ?? 'unknown';
    found.set(code, { message: failureMessage ?? code, count: (found.get(code)?.count ?? 0) + 1 });
  }
  return [...found].sort(([, a], [, b]) => b.count - a.count);
};

/** Why payments failed that stay failed, of the last hundred in the range; silent where none did. */
export const Declines = ({ range }: { readonly range: Range }) => {
  const { request } = useTollgate();
  const { t, plural } = useLanguage();
  const read = async () => {
    const from = new Date(Date.now() - range.steps * range.stepMs).toISOString();
    return (await request(DeclinesDocument, { from })).payments.edges.map(({ node }) => node);
  };
  const { value, error } = useLoaded(`declines ${range.name}`, read, { isLive: true, keepsBefore: true });
  if (!value?.length) return <ErrorNotice error={error} />;
  return (
    <section aria-labelledby="declines">
      <h3 id="declines">
        {t('Why payments failed')}{' '}
        <small className="soft">{plural(value.length, 'of the last one', 'of the last {count}')}</small>
      </h3>
      <ul className="rows">
        {countByReason(value).map(([code, { message, count }]) => (
          <li key={code}>
            <span className="grow">{message}</span>
            <code className="soft">{code}</code>
            <strong>{count}</strong>
          </li>
        ))}
      </ul>
    </section>
  );
};
