import { useT } from '../ui/language.js';
import { useTitle } from '../ui/route.js';

/** What is shown where an address leads to nothing, with a way back; `what` says so. */
export const NotFound = ({ what, back }: { readonly what: string; readonly back: string }) => {
  const t = useT();
  useTitle(t('Not found'));
  return (
    <section className="card stack" data-code="NOT_FOUND">
      <h1>{what}</h1>
      <p>
        {t('It may be another installation’s, or the address has a slip.')} <a href={`#/${back}`}>{t('Go back')}</a>
      </p>
    </section>
  );
};
