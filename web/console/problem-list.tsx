import { useT } from '../ui/language.js';
import type { Loaded } from '../ui/load.js';
import { Empty, ErrorNotice, Said, Waiting } from '../ui/notice.js';
import { Time } from '../ui/time.js';
import type { ProblemsQuery } from './operations.js';
import { useProblemMeanings } from './problem-words.js';

/** What an operator should mend, each with its remedy. */
export const ProblemList = ({ problems }: { readonly problems: Loaded<ProblemsQuery['problems'] | undefined> }) => {
  const t = useT();
  const meaningOf = useProblemMeanings();
  return (
    <section className="card" aria-labelledby="problems">
      <h2 id="problems">{t('Problems')}</h2>
      {problems.value ? <ErrorNotice error={problems.error} /> : <Waiting error={problems.error} />}
      {problems.value?.length === 0 && !problems.error && <Empty>{t('Nothing to mend.')}</Empty>}
      <ul className="rows">
        {problems.value?.map(({ code, message, remedy, since }) => (
          <li key={`${code} ${message}`}>
            <strong className="grow">{meaningOf(code) ?? message}</strong>
            <code className="soft">{code}</code>
            <span className="detail">
              {meaningOf(code) === undefined ? (
                remedy
              ) : (
                <Said>
                  {message} {remedy}
                </Said>
              )}
            </span>
            <span className="soft detail">
              {t('since')} <Time at={since} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
};
