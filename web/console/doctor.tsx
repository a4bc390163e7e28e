import { useState } from 'react';
import { useAction } from 'tollgate-client/react';
import { useT } from '../ui/language.js';
import { ErrorNotice, Said } from '../ui/notice.js';
import { RunDoctorDocument, type RunDoctorMutation } from './operations.js';
import { useProblemMeanings } from './problem-words.js';
import { useTollgate } from './session.js';

type Report = RunDoctorMutation['runDoctor'];

/** Looks at the whole installation when it is asked to, Stripe included, and says what is well and what is not. */
export const Doctor = () => {
  const { request } = useTollgate();
  const t = useT();
  const [report, setReport] = useState<Report>();
  const look = useAction(async () => {
    setReport((await request(RunDoctorDocument, {}, { isRepeatable: true })).runDoctor);
  });
  return (
    <section className="card stack" aria-labelledby="doctor">
      <h2 id="doctor">{t('Doctor')}</h2>
      <p>{t('Asks database, Redis and Stripe, and compares the books. It changes nothing.')}</p>
      <button type="button" disabled={look.busy} aria-busy={look.busy} onClick={look.run}>
        {look.busy ? t('Looking …') : t('Look at everything')}
      </button>
      <ErrorNotice error={look.error} />
      {report && (
        <>
          <p className={`notice ${report.ok ? 'good' : 'bad'}`} role="status">
            {report.ok ? t('All is well.') : t('Something is to be mended.')}
          </p>
          <ul className="rows" aria-label={t('Doctor')}>
            {report.checks.map((check) => (
              <Check key={check.title} check={check} />
            ))}
          </ul>
        </>
      )}
    </section>
  );
};

const Check = ({ check }: { readonly check: Report['checks'][number] }) => {
  const { title, asks, detail, warning, problems } = check;
  const t = useT();
  const meaningOf = useProblemMeanings();
  const findings = warning ? [...problems, warning] : problems;
  const tone = problems.length > 0 ? 'bad' : warning ? 'wait' : 'good';
  return (
    <li>
      <strong className="grow">{title}</strong>
      <span className={`status ${tone}`}>
        {problems.length > 0 ? t('to be mended') : warning ? t('warning') : t('well')}
      </span>
      <span className="detail soft">
        {asks} {detail}
      </span>
      {findings.map(({ code, message, remedy }) => (
        <span key={code + message} className="detail">
          {meaningOf(code) ?? `${message} ${remedy}`} <code>{code}</code>
          {meaningOf(code) !== undefined && (
            <Said>
              {message} {remedy}
            </Said>
          )}
        </span>
      ))}
    </li>
  );
};
