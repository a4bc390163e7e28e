import { useState } from 'react';
import { useT } from '../ui/language.js';

const SHOWN_MS = 1_500;

/** Puts a text on the clipboard; tells whether the browser let it: over plain HTTP it doesn't. */
export const copyText = async (text: string): Promise<boolean> => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
};

/** Copies a text. In a row of a table the keyboard's way is the key "c", so that Tab goes from row to row. */
export const CopyButton = ({ text, inRow = false }: { readonly text: string; readonly inRow?: boolean }) => {
  const t = useT();
  const [isCopied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    if (!(await copyText(text))) return;
    setCopied(true);
    setTimeout(() => setCopied(false), SHOWN_MS);
  };
  return (
    <button
      type="button"
      className="copy"
      tabIndex={inRow ? -1 : undefined}
      aria-label={t('Copy {text}', { text })}
      onClick={() => void copy()}
    >
      {inRow ? <Sign isDone={isCopied} /> : isCopied ? t('Copied') : t('Copy')}
    </button>
  );
};

/** In a row there is no room for a word: it would cover what the cell says. */
const Sign = ({ isDone }: { readonly isDone: boolean }) => (
  <svg viewBox="0 0 16 16" aria-hidden="true">
    {isDone ? <path d="M3 8.5 6.5 12 13 4.5" /> : <path d="M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3" />}
  </svg>
);

/** An id with the way to copy it. */
export const Id = ({ children }: { readonly children: string }) => (
  <span className="id">
    <code>{children}</code> <CopyButton text={children} />
  </span>
);
