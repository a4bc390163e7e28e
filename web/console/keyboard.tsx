import { useEffect, useRef } from 'react';
import { useT } from '../ui/language.js';
import type { Text } from '../ui/words.js';
import { copyText } from './copy.js';

const KEYS: readonly (readonly [keys: string, does: Text])[] = [
  ['j', 'next row'],
  ['k', 'row before'],
  ['Enter', 'open the row'],
  ['c', 'copy the row’s id'],
  ['/', 'search'],
  ['?', 'show these keys'],
];

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName));

const rows = (): HTMLTableRowElement[] => [...document.querySelectorAll<HTMLTableRowElement>('main tr[data-id]')];

const currentRow = (): HTMLTableRowElement | undefined => rows().find((row) => row.contains(document.activeElement));

/** Goes to the row so many steps from the one that has the focus. */
const step = (by: number): void => {
  const all = rows();
  const current = currentRow();
  const next = current ? all[all.indexOf(current) + by] : all[0];
  next?.querySelector<HTMLElement>('a, button')?.focus();
};

const ACTIONS: Readonly<Record<string, () => void>> = {
  j: () => step(1),
  k: () => step(-1),
  c: () => {
    const id = currentRow()?.dataset['id'];
    if (id !== undefined) void copyText(id);
  },
  '/': () => document.querySelector<HTMLElement>('main input[type=search]')?.focus(),
};

/** The keys that work on every page, and what says so. */
export const Keyboard = () => {
  const t = useT();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (isTyping(event.target)) {
        if (event.key === 'Escape') (event.target as HTMLElement).blur();
        return;
      }
      const act = event.key === '?' ? () => dialog.current?.showModal() : ACTIONS[event.key];
      if (!act || dialog.current?.open) return;
      event.preventDefault();
      act();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby="keys">
      <div className="stack">
        <h2 id="keys">{t('Keys')}</h2>
        <dl className="facts">
          {KEYS.map(([key, does]) => (
            <div key={key}>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{t(does)}</dd>
            </div>
          ))}
        </dl>
        <button type="button" className="quiet" onClick={() => dialog.current?.close()}>
          {t('Close')}
        </button>
      </div>
    </dialog>
  );
};
