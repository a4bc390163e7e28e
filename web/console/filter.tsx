import { useId, useState } from 'react';
import { useT } from '../ui/language.js';
import { useView } from '../ui/route.js';
import { useWords } from '../ui/status.js';
import type { Text } from '../ui/words.js';

/** Narrows a list to one of these values, or to none; the address remembers it. */
export const Choice = (props: { readonly name: string; readonly label: Text; readonly values: readonly string[] }) => {
  const { name, label, values } = props;
  const id = useId();
  const t = useT();
  const words = useWords();
  const [view, change] = useView();
  return (
    <div className="filter">
      <label htmlFor={id}>{t(label)}</label>
      <select
        id={id}
        value={view.get(name) ?? ''}
        onChange={(event) => change({ [name]: event.target.value, after: undefined, before: undefined })}
      >
        <option value="">{t('All')}</option>
        {values.map((value) => (
          <option key={value} value={value}>
            {words(value)}
          </option>
        ))}
      </select>
    </div>
  );
};

/** Narrows a list by what is typed, once it is sent. */
export const Search = (props: { readonly name: string; readonly label: Text; readonly hint?: string }) => {
  const { name, label, hint } = props;
  const id = useId();
  const t = useT();
  const [view, change] = useView();
  const kept = view.get(name) ?? '';
  const [typed, setTyped] = useState<string>();
  return (
    <form
      className="filter"
      onSubmit={(event) => {
        event.preventDefault();
        change({ [name]: (typed ?? kept).trim(), after: undefined, before: undefined });
        setTyped(undefined);
      }}
    >
      <label htmlFor={id}>{t(label)}</label>
      <input
        id={id}
        type="search"
        placeholder={hint}
        value={typed ?? kept}
        onChange={(event) => setTyped(event.target.value)}
      />
    </form>
  );
};

/** Narrows a list to the days between two, in the reader's own time zone; says which moments those are in UTC. */
export const Days = () => {
  const [view, change] = useView();
  const id = useId();
  const t = useT();
  const { createdFrom, createdTo } = momentsOf(view);
  const utc = [createdFrom, createdTo].map((at) => at?.slice(0, 16).replace('T', ' ') ?? '…').join(' – ');
  return (
    <>
      {(['from', 'to'] as const).map((name) => (
        <div key={name} className="filter">
          <label htmlFor={`${id}${name}`}>{t(name === 'from' ? 'From' : 'To')}</label>
          <input
            id={`${id}${name}`}
            type="date"
            value={view.get(name) ?? ''}
            onChange={(event) => change({ [name]: event.target.value, after: undefined, before: undefined })}
          />
        </div>
      ))}
      {(createdFrom ?? createdTo) !== undefined && <small className="soft filter">{utc} UTC</small>}
    </>
  );
};

/** Midnight of a day, or of the one after it, where the reader is: a day has 23 or 25 hours where clocks are set. */
const midnightOf = (day: string | null, later: 0 | 1): number => {
  const [year = Number.NaN, month = Number.NaN, date = Number.NaN] = (day ?? '').split('-').map(Number);
  return new Date(year, month - 1, date + later).getTime();
};

/** The moments between which the view's days lie; what is no day narrows nothing. */
export const momentsOf = (view: URLSearchParams): { createdFrom?: string; createdTo?: string } => {
  const [from, to] = [midnightOf(view.get('from'), 0), midnightOf(view.get('to'), 1)];
  return {
    ...(Number.isFinite(from) && { createdFrom: new Date(from).toISOString() }),
    ...(Number.isFinite(to) && { createdTo: new Date(to).toISOString() }),
  };
};

/** One of the values, as the view has it; anything else narrows nothing. */
export const chosen = <Value extends string>(
  view: URLSearchParams,
  name: string,
  values: readonly Value[],
): Value | undefined => values.find((value) => value === view.get(name));
