import { useState } from 'react';
import { useConnection } from 'tollgate-client/react';
import { useT } from '../ui/language.js';
import { type Loaded, useLoaded } from '../ui/load.js';
import { ErrorNotice, Waiting } from '../ui/notice.js';
import { useTitle } from '../ui/route.js';
import { type Activity, RANGES, type Range, readActivity } from './activity.js';
import { ActivityChart } from './activity-chart.js';
import { Attention } from './attention.js';
import { Declines } from './declines.js';
import { SLOW_MS } from './list.js';
import { ProblemsDocument } from './operations.js';
import { ProblemList } from './problem-list.js';
import { useTollgate } from './session.js';
import { Setup, useSetup } from './setup.js';
import { readStuckEvents } from './stuck.js';
import { StuckEvents } from './stuck-events.js';
import { Totals } from './totals.js';
import { Verdict } from './verdict.js';
import { useMay } from './viewer.js';

/** The first screen: is money flowing, is anything stuck? */
export const Overview = () => {
  const tollgate = useTollgate();
  const { request } = tollgate;
  const may = useMay();
  const t = useT();
  const connection = useConnection(tollgate);
  const [range, setRange] = useState(RANGES[0]);
  useTitle(t('Overview'));
  const options = { isLive: true, everyMs: SLOW_MS };
  const activity = useLoaded(range.name, () => readActivity(request, range, may('REFUND_READ_ANY')), options);
  const readEvents = async () => (may('EVENT_READ') ? readStuckEvents(request) : undefined);
  const stuck = useLoaded('stuck', readEvents, options);
  const readProblems = async () => (may('SETTINGS_READ') ? (await request(ProblemsDocument, {})).problems : undefined);
  const problems = useLoaded('problems', readProblems, options);
  const setup = useSetup();
  const isStale = [activity, stuck, problems].some(({ value, error }) => value !== undefined && error !== undefined);
  // All at once, so that nothing jumps; but for the problems, which stand last: looking for them asks Stripe too.
  const isFirst = range === RANGES[0] && activity.isWaiting;
  if (isFirst || [setup, stuck].some(({ isWaiting }) => isWaiting)) return <Waiting />;
  return (
    <>
      <h1 className="unseen">{t('Overview')}</h1>
      <Verdict
        activity={activity.value}
        range={range}
        stuck={stuck.value}
        problems={problems.value}
        isLooking={problems.isWaiting}
        isStale={isStale || connection === 'lost'}
      />
      <Setup setup={setup} />
      <MoneyFlow activity={activity} range={range} onRange={setRange} />
      <Attention />
      {may('EVENT_READ') && <StuckEvents stuck={stuck} />}
      {may('SETTINGS_READ') && <ProblemList problems={problems} />}
    </>
  );
};

const MoneyFlow = (props: {
  readonly activity: Loaded<Activity>;
  readonly range: Range;
  readonly onRange: (range: Range) => void;
}) => {
  const { activity, range, onRange } = props;
  const t = useT();
  return (
    <section className="card stack" aria-labelledby="money">
      <div className="heading">
        <h2 id="money">{t('Money')}</h2>
        <fieldset className="switch">
          <legend className="unseen">{t('How far back')}</legend>
          {RANGES.map((choice) => (
            <label key={choice.name}>
              <input type="radio" name="range" checked={choice === range} onChange={() => onRange(choice)} />
              <span>{t(choice.name)}</span>
            </label>
          ))}
        </fieldset>
      </div>
      <div className="money">
        {activity.value ? (
          <>
            <Totals activity={activity.value} />
            <ActivityChart steps={activity.value.steps} range={range} />
            <ErrorNotice error={activity.error} />
          </>
        ) : (
          <Waiting error={activity.error} />
        )}
      </div>
      <Declines range={range} />
      <a href="#/revenue">{t('Revenue by month')}</a>
    </section>
  );
};
