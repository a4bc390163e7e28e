import { TollgateError } from 'tollgate-client';
import { useAction } from 'tollgate-client/react';
import { useT } from '../ui/language.js';
import { ErrorNotice } from '../ui/notice.js';
import { useTollgate } from './session.js';

/** Downloads the rows of a list as CSV; the server streams them, 100,000 at most. */
export const CsvButton = (props: {
  readonly list: 'payments' | 'refunds' | 'disputes' | 'recurringPayments';
  /** The list's filters by their names in GraphQL. */
  readonly filter: Readonly<Record<string, string | undefined>>;
}) => {
  const { list, filter } = props;
  const { token } = useTollgate();
  const t = useT();
  const download = useAction(async () => {
    const given = Object.entries(filter).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const headers = { authorization: `Bearer ${await token()}` };
    const response = await fetch(`export/${list}.csv?${new URLSearchParams(given)}`, { headers });
    if (!response.ok) {
      const { error } = (await response.json()) as { error?: { code?: string; message?: string } };
      throw new TollgateError(error?.code ?? 'INTERNAL', error?.message ?? `${response.status}`);
    }
    const address = URL.createObjectURL(await response.blob());
    const link = Object.assign(document.createElement('a'), { href: address, download: `${list}.csv` });
    link.click();
    URL.revokeObjectURL(address);
  });
  return (
    <div className="deed stack tight">
      <button
        type="button"
        className="quiet small"
        disabled={download.busy}
        aria-busy={download.busy}
        onClick={download.run}
      >
        {t('Download as CSV')}
      </button>
      <ErrorNotice error={download.error} />
    </div>
  );
};
