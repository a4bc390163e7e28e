import { type ReactNode, useEffect, useId, useRef, useState } from 'react';
import { newKey } from 'tollgate-client';
import { useAction } from 'tollgate-client/react';
import { Field } from '../ui/field.js';
import { useT } from '../ui/language.js';
import { DoneNotice, ErrorNotice } from '../ui/notice.js';

/** What a deed is done with. */
export interface Asked {
  /** The same while the same is asked: what was done already is not done again. */
  readonly idempotencyKey: string;
  readonly reason?: string;
}

interface DeedProps {
  /** What the button says. */
  readonly does: string;
  /** What the answer "yes" says. */
  readonly yes: string;
  /** What will come of it, before it is done. */
  readonly explains: ReactNode;
  /** Does it; what it gives is said afterwards. */
  readonly run: (asked: Asked) => Promise<string | undefined>;
  /** What else is asked. */
  readonly children?: ReactNode;
  /** What the fields hold: with other values it is another deed. */
  readonly of?: string;
  readonly isReady?: boolean;
  readonly asksReason?: boolean;
  readonly needsReason?: boolean;
  /** For good: this word must be typed. */
  readonly typed?: string;
}

/** One key as long as the same is asked, also after an answer was lost; another for another deed. */
const useKey = () => {
  const kept = useRef({ key: newKey(), of: '' });
  return {
    keyOf: (of: string): string => {
      if (kept.current.of !== of) kept.current = { key: newKey(), of };
      return kept.current.key;
    },
    renew: (): void => {
      kept.current = { key: newKey(), of: '' };
    },
  };
};

/** Who works by keyboard goes on from the page where the part that had the focus is gone. */
const keepFocus = (): void => {
  setTimeout(() => {
    if (document.activeElement === document.body)
      document.querySelector<HTMLElement>('main')?.focus({ preventScroll: true });
  });
};

/** A button that says what it will do, asks, does it once, and says what came of it. A refusal is told in its own words. */
export const Deed = (props: DeedProps) => {
  const { does, run, of = '' } = props;
  const [isAsking, setAsking] = useState(false);
  const [reason, setReason] = useState('');
  const [answer, setAnswer] = useState<string>();
  const { keyOf, renew } = useKey();
  const opener = useRef<HTMLButtonElement>(null);
  const wasAsking = useRef(false);
  useEffect(() => {
    if (wasAsking.current && !isAsking) opener.current?.focus();
    wasAsking.current = isAsking;
  }, [isAsking]);
  useEffect(() => keepFocus, []);
  const action = useAction(async () => {
    const said = reason.trim();
    setAnswer(await run({ idempotencyKey: keyOf(`${of} ${said}`), ...(said !== '' && { reason: said }) }));
    renew();
    setReason('');
    setAsking(false);
  });
  return (
    <div className="deed stack tight">
      {isAsking ? (
        <Question
          {...props}
          reason={reason}
          onReason={setReason}
          isBusy={action.busy}
          onYes={action.run}
          onNo={() => setAsking(false)}
        />
      ) : (
        <button
          type="button"
          ref={opener}
          onClick={() => {
            setAnswer(undefined);
            setAsking(true);
          }}
        >
          {does}
        </button>
      )}
      {isAsking && <ErrorNotice error={action.error} />}
      {answer !== undefined && <DoneNotice>{answer}</DoneNotice>}
    </div>
  );
};

const Question = (
  props: DeedProps & {
    readonly reason: string;
    readonly onReason: (reason: string) => void;
    readonly isBusy: boolean;
    readonly onYes: () => void;
    readonly onNo: () => void;
  },
) => {
  const { does, yes, explains, children, typed, reason, onReason, isBusy, onYes, onNo } = props;
  const { isReady = true, asksReason = false, needsReason = false } = props;
  const t = useT();
  const id = useId();
  const [word, setWord] = useState('');
  const part = useRef<HTMLFormElement>(null);
  // The question takes the place of the button that had the focus.
  useEffect(() => part.current?.querySelector<HTMLElement>('input, select, button')?.focus(), []);
  const isSure = isReady && (typed === undefined || word === typed) && (!needsReason || reason.trim() !== '');
  return (
    <form
      ref={part}
      className="sure stack"
      aria-labelledby={id}
      onSubmit={(event) => {
        event.preventDefault();
        onYes();
      }}
    >
      <h3 id={id}>{does}?</h3>
      <p>{explains}</p>
      {children}
      {(asksReason || needsReason) && (
        <Field
          label={needsReason ? t('Reason') : t('Reason (optional)')}
          maxLength={500}
          required={needsReason}
          value={reason}
          onChange={(event) => onReason(event.target.value)}
        />
      )}
      {typed !== undefined && (
        <Field
          label={t('Type {word} to go on', { word: typed })}
          autoComplete="off"
          value={word}
          onChange={(event) => setWord(event.target.value)}
        />
      )}
      <div className="row">
        <button type="submit" className="primary" disabled={isBusy || !isSure} aria-busy={isBusy}>
          {yes}
        </button>
        <button type="button" className="quiet" disabled={isBusy} onClick={onNo}>
          {t('No')}
        </button>
      </div>
    </form>
  );
};
