import type { ReactNode } from 'react';
import type { Tone } from 'tollgate-client';
import { useLanguage } from '../ui/language.js';
import type { Activity, Range } from './activity.js';
import type { EventFieldsFragment, ProblemsQuery } from './operations.js';

/** The answer of the first screen, in two sentences. Silent until it knows, and it vouches for nothing that is old or unseen. */
export const Verdict = (props: {
  readonly activity: Activity | undefined;
  readonly range: Range;
  readonly stuck: readonly EventFieldsFragment[] | undefined;
  readonly problems: ProblemsQuery['problems'] | undefined;
  /** The problems aren't known yet. */
  readonly isLooking: boolean;
  /** Something was read before and can't be read again. */
  readonly isStale: boolean;
}) => {
  const { activity, range, stuck, problems, isLooking, isStale } = props;
  const { t, plural } = useLanguage();
  // Its place is kept, so that nothing jumps when it is known.
  if (!activity) return <Answer tone="calm">{t('Loading …')}</Answer>;
  if (isStale)
    return <Answer tone="wait">{t('What is below may be old: it could not be read again just now.')}</Answer>;
  const succeeded = activity.now.succeeded.count;
  const failed = activity.now.failed.count;
  const time = t(range.inWords);
  const flow =
    succeeded > 0
      ? `${t('Money is flowing:')} ${plural(succeeded, '{count} payment succeeded', '{count} payments succeeded')} ${time}.`
      : `${t('No payment succeeded')} ${time}${failed > 0 ? `, ${t('{count} failed', { count: failed })}` : ''}.`;
  const troubles = [
    ...(stuck?.length ? [plural(stuck.length, '{count} event stuck', '{count} events stuck')] : []),
    ...(problems?.length ? [plural(problems.length, '{count} problem to mend', '{count} problems to mend')] : []),
  ];
  // What follows takes as much room, so that nothing jumps then.
  const looking = `${flow} ${t('Looking for problems …')}`;
  if (troubles.length > 0)
    return (
      <Answer tone="bad" room={looking}>
        {flow} {t('Look below: {troubles}.', { troubles: troubles.join(', ') })}
      </Answer>
    );
  if (isLooking)
    return (
      <Answer tone="calm" room={looking}>
        {looking}
      </Answer>
    );
  const quiet = failed > 0 ? 'wait' : 'calm';
  return (
    <Answer tone={succeeded > 0 ? 'good' : quiet} room={looking}>
      {flow} {stuck && problems ? t('Nothing is stuck.') : ''}
    </Answer>
  );
};

const Answer = (props: {
  readonly tone: Tone;
  /** Words whose room is kept, unseen. */
  readonly room?: string;
  readonly children: ReactNode;
}) => (
  <p className={`verdict ${props.tone}`} role="status" data-room={props.room}>
    <span>{props.children}</span>
  </p>
);
