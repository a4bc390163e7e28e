import { type ReactNode, useId, useState } from 'react';
import type { TollgateError } from './errors.js';
import type { Action } from './hooks.js';
import { useSurroundings } from './provider.js';
import { toneOf } from './statuses.js';
import { textOf, wordsOf } from './texts.js';

/** An error in the reader's language, read out as soon as it appears. Declines say what the bank said. */
export const ErrorText = ({ error }: { readonly error: TollgateError | undefined }) => {
  const { texts } = useSurroundings();
  return (
    error && (
      <p className="tollgate-error" role="alert" data-code={error.code}>
        {textOf(texts, `error.${error.code}`) ?? error.message}
      </p>
    )
  );
};

/** A status in words and colour; never by colour alone. One that this release doesn't know is shown as it is. */
export const Status = ({ of }: { readonly of: string }) => {
  const { texts } = useSurroundings();
  return (
    <span className={`tollgate-status tollgate-${toneOf(of)}`} data-status={of}>
      {wordsOf(texts, of)}
    </span>
  );
};

/** A button that starts something; twice clicked is once. */
export const ActionButton = (props: {
  readonly action: Action;
  readonly look?: 'primary' | 'quiet';
  readonly label?: string;
  readonly children: ReactNode;
}) => (
  <button
    type="button"
    className={`tollgate-button ${props.look ? `tollgate-${props.look}` : ''}`}
    disabled={props.action.busy}
    aria-busy={props.action.busy}
    aria-label={props.label}
    onClick={props.action.run}
  >
    {props.children}
  </button>
);

/** What could not be loaded, and a button that tries again. */
export const TryAgain = ({ error, again }: { readonly error: TollgateError; readonly again: Action }) => {
  const { texts } = useSurroundings();
  return (
    <>
      <ErrorText error={error} />
      <ActionButton action={again}>{texts['form.again']}</ActionButton>
    </>
  );
};

/** A button that says what it will do, and asks, before it does it. */
export const AskingButton = (props: {
  readonly action: Action;
  readonly does: string;
  readonly explains: ReactNode;
  readonly yes: string;
  readonly no: string;
  readonly label?: string;
}) => {
  const { action, does, explains, yes, no, label } = props;
  const [isAsking, setAsking] = useState(false);
  if (!isAsking)
    return (
      <button
        type="button"
        className="tollgate-button tollgate-quiet"
        disabled={action.busy}
        aria-label={label}
        onClick={() => setAsking(true)}
      >
        {does}
      </button>
    );
  return (
    <fieldset className="tollgate-ask">
      <legend className="tollgate-legend">{label ?? does}?</legend>
      <p className="tollgate-text">{explains}</p>
      <div className="tollgate-row">
        <button
          type="button"
          className="tollgate-button tollgate-primary"
          // biome-ignore lint/a11y/noAutofocus: the question takes the place of the button that had the focus.
          autoFocus
          onClick={() => {
            setAsking(false);
            action.run();
          }}
        >
          {yes}
        </button>
        <button type="button" className="tollgate-button tollgate-quiet" onClick={() => setAsking(false)}>
          {no}
        </button>
      </div>
    </fieldset>
  );
};

/** A labelled field. */
export const TextField = ({ label, ...input }: React.ComponentProps<'input'> & { readonly label: string }) => {
  const id = useId();
  return (
    <div className="tollgate-field">
      <label htmlFor={id}>{label}</label>
      <input id={id} className="tollgate-input" {...input} />
    </div>
  );
};

/** A box to tick. */
export const Tick = (props: {
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
  readonly children: ReactNode;
}) => (
  <label className="tollgate-check">
    <input type="checkbox" checked={props.checked} onChange={(event) => props.onChange(event.target.checked)} />
    <span>{props.children}</span>
  </label>
);
