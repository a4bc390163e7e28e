import type { Happening, Range } from './activity.js';
import type { EventFieldsFragment, ProblemsQuery } from './operations.js';

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;

/** The answer of the first screen, in two sentences. Silent until it knows. */
export const Verdict = (props: {
  readonly happenings: readonly Happening[] | undefined;
  readonly range: Range;
  readonly stuck: readonly EventFieldsFragment[] | undefined;
  readonly problems: ProblemsQuery['problems'] | undefined;
}) => {
  const { happenings, range, stuck, problems } = props;
  if (!happenings) return null;
  const succeeded = happenings.filter(({ kind }) => kind === 'succeeded').length;
  const time = range.name.toLowerCase();
  const flow =
    succeeded > 0
      ? `Money is flowing: ${plural(succeeded, 'payment')} succeeded in the ${time}.`
      : `No payment succeeded in the ${time}.`;
  const troubles = [
    ...(stuck?.length ? [`${plural(stuck.length, 'event')} stuck`] : []),
    ...(problems?.length ? [`${plural(problems.length, 'problem')} to mend`] : []),
  ];
  const calm = stuck && problems ? 'Nothing is stuck.' : '';
  return (
    <p className={`verdict ${troubles.length > 0 ? 'bad' : 'good'}`} role="status">
      {flow} {troubles.length > 0 ? `Look below: ${troubles.join(', ')}.` : calm}
    </p>
  );
};
