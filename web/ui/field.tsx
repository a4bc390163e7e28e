import { type InputHTMLAttributes, type ReactNode, useId } from 'react';

/** A labelled field; `hint` says what is expected, `problem` what is wrong with what is there. */
export const Field = ({
  label,
  hint,
  problem,
  ...input
}: InputHTMLAttributes<HTMLInputElement> & {
  readonly label: string;
  readonly hint?: ReactNode;
  readonly problem?: string | undefined;
}) => {
  const id = useId();
  const note = problem ?? hint;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        aria-invalid={problem !== undefined}
        aria-describedby={note === undefined ? undefined : `${id}-note`}
        {...input}
      />
      {note !== undefined && (
        <small id={`${id}-note`} className={problem === undefined ? undefined : 'problem'}>
          {note}
        </small>
      )}
    </div>
  );
};
