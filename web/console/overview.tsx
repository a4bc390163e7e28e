import { useState } from 'react';
import { useLoaded } from '../ui/load.js';
import { ErrorNotice, Waiting } from '../ui/notice.js';
import { RANGES, readActivity, stepsOf } from './activity.js';
import { ActivityChart } from './activity-chart.js';
import { ProblemsDocument } from './operations.js';
import { ProblemList } from './problem-list.js';
import { useTollgate } from './session.js';
import { readStuckEvents, StuckEvents } from './stuck-events.js';
import { Totals } from './totals.js';
import { Verdict } from './verdict.js';

const EVERY_MS = 4_000;

/** The first screen: is money flowing, is anything stuck? */
export const Overview = () => {
  const { request } = useTollgate();
  const [range, setRange] = useState(RANGES[0]);
  const now = Date.now();
  const sinceMs = now - range.steps * range.stepMs;
  const activity = useLoaded(range.name, () => readActivity(request, sinceMs), EVERY_MS);
  const stuck = useLoaded('stuck', () => readStuckEvents(request), EVERY_MS);
  const problems = useLoaded('problems', async () => (await request(ProblemsDocument, {})).problems, EVERY_MS * 3);
  const happenings = activity.value?.happenings.filter(({ at }) => at >= sinceMs);
  return (
    <>
      <h1 className="unseen">Overview</h1>
      <Verdict
        happenings={happenings}
        range={range}
        stuck={stuck.value}
        problems={problems.value}
        isStale={[activity, stuck, problems].some(({ value, error }) => value !== undefined && error !== undefined)}
      />
      <section className="card stack" aria-labelledby="money">
        <div className="heading">
          <h2 id="money">Money</h2>
          <fieldset className="switch">
            <legend className="unseen">How far back</legend>
            {RANGES.map((choice) => (
              <label key={choice.name}>
                <input type="radio" name="range" checked={choice === range} onChange={() => setRange(choice)} />
                <span>{choice.name}</span>
              </label>
            ))}
          </fieldset>
        </div>
        {happenings ? (
          <>
            <Totals happenings={happenings} />
            <ActivityChart steps={stepsOf(happenings, range, now)} range={range} />
            {!activity.value?.complete && <p className="soft">The newest thousand payments of this time.</p>}
          </>
        ) : (
          <Waiting error={activity.error} />
        )}
        {happenings && <ErrorNotice error={activity.error} />}
      </section>
      <StuckEvents stuck={stuck} />
      <ProblemList problems={problems} />
    </>
  );
};
