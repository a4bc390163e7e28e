const DAY = new Intl.DateTimeFormat('en', { dateStyle: 'medium' });
const MOMENT = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'medium' });

/** A moment in the reader's own time zone. */
export const Time = ({ at, dayOnly = false }: { readonly at: string; readonly dayOnly?: boolean }) => (
  <time dateTime={at}>{(dayOnly ? DAY : MOMENT).format(new Date(at))}</time>
);
