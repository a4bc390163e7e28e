import { useId } from 'react';
import { wordsOf } from '../ui/status.js';

/** Chooses one status of a list, or all. */
export const Filter = <Value extends string>(props: {
  readonly label: string;
  readonly values: readonly Value[];
  readonly value: Value | undefined;
  readonly onChange: (value: Value | undefined) => void;
}) => {
  const id = useId();
  return (
    <div className="filter">
      <label htmlFor={id}>{props.label}</label>
      <select
        id={id}
        value={props.value ?? ''}
        onChange={(event) => props.onChange(props.values.find((value) => value === event.target.value))}
      >
        <option value="">All</option>
        {props.values.map((value) => (
          <option key={value} value={value}>
            {wordsOf(value)}
          </option>
        ))}
      </select>
    </div>
  );
};
