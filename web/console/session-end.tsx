import { useEffect, useState } from 'react';
import { useLanguage } from '../ui/language.js';
import { useViewer } from './viewer.js';

/** So long before its end the session says so. */
const WARNING_MS = 10 * 60_000;
const EVERY_MS = 10_000;

/** Says that the session ends soon, while there is time to finish. */
export const SessionEnd = () => {
  const { t, plural } = useLanguage();
  const endsAt = useViewer().value?.sessionEndsAt ?? null;
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  if (endsAt === null) return null;
  const left = Date.parse(endsAt) - now;
  if (left > WARNING_MS) return null;
  return (
    <p className="notice wait" role="status">
      {left > 60_000
        ? plural(
            Math.floor(left / 60_000),
            'This session ends in {count} minute.',
            'This session ends in {count} minutes.',
          )
        : t('This session ends in less than a minute.')}{' '}
      {t('Sign in again to go on after it.')}
    </p>
  );
};
