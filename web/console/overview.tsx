import { useState } from 'react';
import { useLoaded } from '../ui/load.js';
import { ErrorNotice, Waiting } from '../ui/notice.js';
import { useTitle } from '../ui/route.js';
import { RANGES, readActivity } from './activity.js';
import { ActivityChart } from './activity-chart.js';
import { Attention } from './attention.js';
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
  useTitle('Overview');
  const activity = useLoaded(range.name, () => readActivity(request, range), EVERY_MS);
  const stuck = useLoaded('stuck', () => readStuckEvents(request), EVERY_MS);
  const problems = useLoaded('problems', async () => (await request(ProblemsDocument, {})).problems, EVERY_MS * 3);
  return (
    <>
      <h1 className="unseen">Overview</h1>
      <Verdict
        activity={activity.value}
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
      </section>
      <Attention />
      <StuckEvents stuck={stuck} />
      <ProblemList problems={problems} />
    </>
  );
};
