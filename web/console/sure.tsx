import { useState } from 'react';
import type { Action } from 'tollgate-client/react';

/** A button that says what it will do before it does it. */
export const Sure = (props: { readonly does: string; readonly explains: string; readonly action: Action }) => {
  const { does, explains, action } = props;
  const [isAsking, setAsking] = useState(false);
  if (!isAsking)
    return (
      <button type="button" disabled={action.busy} onClick={() => setAsking(true)}>
        {does}
      </button>
    );
  return (
    <fieldset className="sure stack tight">
      <legend>{does}?</legend>
      <p>{explains}</p>
      <div className="row">
        <button
          type="button"
          className="primary"
          // biome-ignore lint/a11y/noAutofocus: the question takes the place of the button that had the focus.
          autoFocus
          onClick={() => {
            setAsking(false);
            action.run();
          }}
        >
          Yes, {does.charAt(0).toLowerCase() + does.slice(1)}
        </button>
        <button type="button" className="quiet" onClick={() => setAsking(false)}>
          No
        </button>
      </div>
    </fieldset>
  );
};
