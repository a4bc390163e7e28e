import type { ReactNode } from 'react';
import type { Tone } from 'tollgate-client';
import type { Activity, Range } from './activity.js';
import type { EventFieldsFragment, ProblemsQuery } from './operations.js';

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;

/** The answer of the first screen, in two sentences. Silent until it knows, and it vouches for nothing that is old. */
export const Verdict = (props: {
  readonly activity: Activity | undefined;
  readonly range: Range;
  readonly stuck: readonly EventFieldsFragment[] | undefined;
  readonly problems: ProblemsQuery['problems'] | undefined;
  /** Something was read before and can't be read again. */
  readonly isStale: boolean;
}) => {
  const { activity, range, stuck, problems, isStale } = props;
  if (!activity) return null;
  if (isStale) return <Answer tone="wait">What is below may be old: it could not be read again just now.</Answer>;
  const succeeded = activity.now.succeeded.count;
  const failed = activity.now.failed.count;
  const time = range.name.toLowerCase();
  const flow =
    succeeded > 0
      ? `Money is flowing: ${plural(succeeded, 'payment')} succeeded in the ${time}.`
      : `No payment succeeded in the ${time}${failed > 0 ? `, ${failed} failed` : ''}.`;
  const troubles = [
    ...(stuck?.length ? [`${plural(stuck.length, 'event')} stuck`] : []),
    ...(problems?.length ? [`${plural(problems.length, 'problem')} to mend`] : []),
  ];
  if (troubles.length > 0)
    return (
      <Answer tone="bad">
        {flow} Look below: {troubles.join(', ')}.
      </Answer>
    );
  const quiet = failed > 0 ? 'wait' : 'calm';
  return (
    <Answer tone={succeeded > 0 ? 'good' : quiet}>
      {flow} {stuck && problems ? 'Nothing is stuck.' : ''}
    </Answer>
  );
};

const Answer = ({ tone, children }: { readonly tone: Tone; readonly children: ReactNode }) => (
  <p className={`verdict ${tone}`} role="status">
    {children}
  </p>
);
