import { useEffect, useLayoutEffect, useSyncExternalStore } from 'react';

const onChange = (listener: () => void): (() => void) => {
  addEventListener('hashchange', listener);
  return () => removeEventListener('hashchange', listener);
};

const useAddress = (): string => useSyncExternalStore(onChange, () => location.hash).replace(/^#\/?/, '');

/** What is no encoding stays as it is written: it leads to no page. */
const decode = (part: string): string => {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
};

/** The page's address after "#/", in parts: "#/orders/12?status=FAILED" is ["orders", "12"]. */
export const useRoute = (): readonly string[] =>
  useAddress().split('?', 1).join('').split('/').filter(Boolean).map(decode);

/** What the address says behind its "?": the view of a list. A change is a step that "Back" takes back. */
export const useView = (): readonly [
  view: URLSearchParams,
  change: (changes: Record<string, string | undefined>) => void,
] => {
  const address = useAddress();
  const [path = '', query = ''] = address.split('?');
  const change = (changes: Record<string, string | undefined>): void => {
    const next = new URLSearchParams(query);
    for (const [name, value] of Object.entries(changes)) {
      if (value === undefined || value === '') next.delete(name);
      else next.set(name, value);
    }
    const text = next.toString();
    location.hash = `#/${path}${text === '' ? '' : `?${text}`}`;
  };
  return [new URLSearchParams(query), change];
};

/** Goes to an address of this page. */
export const goTo = (...parts: readonly string[]): void => {
  location.hash = `#/${parts.map(encodeURIComponent).join('/')}`;
};

/** Names the page in the browser's tab and history. */
export const useTitle = (title: string): void => {
  useEffect(() => {
    document.title = `${title} · Tollgate`;
  }, [title]);
};

/** What a step of the history remembers: how far down it was read. */
const readScroll = (): number | undefined => {
  const state: unknown = history.state;
  const scroll: unknown = typeof state === 'object' && state !== null ? Reflect.get(state, 'scroll') : undefined;
  return typeof scroll === 'number' ? scroll : undefined;
};

/** A new address is read from its top; Back leads to where one was. */
export const useScroll = (): void => {
  const address = useAddress();
  useEffect(() => {
    history.scrollRestoration = 'manual';
    const keep = (): void => history.replaceState({ scroll: scrollY }, '');
    addEventListener('scrollend', keep);
    return () => removeEventListener('scrollend', keep);
  }, []);
  // The layout is the new address's by now.
  useLayoutEffect(() => {
    scrollTo(0, readScroll() ?? 0);
  }, [address]);
};
