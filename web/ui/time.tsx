import { useLanguage } from './language.js';

/** A moment in the reader's own time zone; UTC on pointing at it. */
export const Time = ({ at, dayOnly = false }: { readonly at: string; readonly dayOnly?: boolean }) => {
  const { language } = useLanguage();
  const moment = new Intl.DateTimeFormat(
    language,
    dayOnly ? { dateStyle: 'medium' } : { dateStyle: 'medium', timeStyle: 'medium' },
  );
  const date = new Date(at);
  return (
    <time dateTime={at} title={`${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`}>
      {moment.format(date)}
    </time>
  );
};
