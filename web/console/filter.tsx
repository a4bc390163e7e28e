import { useId, useState } from 'react';
import { useView } from '../ui/route.js';
import { wordsOf } from '../ui/status.js';

/** Narrows a list to one of these values, or to none; the address remembers it. */
export const Choice = ({
  name,
  label,
  values,
}: {
  readonly name: string;
  readonly label: string;
  readonly values: readonly string[];
}) => {
  const id = useId();
  const [view, change] = useView();
  return (
    <div className="filter">
      <label htmlFor={id}>{label}</label>
      <select
        id={id}
        value={view.get(name) ?? ''}
        onChange={(event) => change({ [name]: event.target.value, after: undefined })}
      >
        <option value="">All</option>
        {values.map((value) => (
          <option key={value} value={value}>
            {wordsOf(value)}
          </option>
        ))}
      </select>
    </div>
  );
};

/** Narrows a list by what is typed, once it is sent. */
export const Search = ({
  name,
  label,
  hint,
}: {
  readonly name: string;
  readonly label: string;
  readonly hint: string;
}) => {
  const id = useId();
  const [view, change] = useView();
  const kept = view.get(name) ?? '';
  const [typed, setTyped] = useState<string>();
  return (
    <form
      className="filter"
      onSubmit={(event) => {
        event.preventDefault();
        change({ [name]: (typed ?? kept).trim(), after: undefined });
        setTyped(undefined);
      }}
    >
      <label htmlFor={id}>{label}</label>
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

/** Narrows a list to the days between two, in the reader's own time zone. */
export const Days = () => {
  const [view, change] = useView();
  const id = useId();
  return (
    <>
      {(['from', 'to'] as const).map((name) => (
        <div key={name} className="filter">
          <label htmlFor={`${id}${name}`}>{name === 'from' ? 'From' : 'To'}</label>
          <input
            id={`${id}${name}`}
            type="date"
            value={view.get(name) ?? ''}
            onChange={(event) => change({ [name]: event.target.value, after: undefined })}
          />
        </div>
      ))}
    </>
  );
};

const DAY_MS = 86_400_000;

/** The moments between which the view's days lie; what is no day narrows nothing. */
export const momentsOf = (view: URLSearchParams): { createdFrom?: string; createdTo?: string } => {
  const momentOf = (name: string): number => new Date(`${view.get(name)}T00:00:00`).getTime();
  const [from, to] = [momentOf('from'), momentOf('to') + DAY_MS];
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
