import { useSyncExternalStore } from 'react';

const onChange = (listener: () => void): (() => void) => {
  addEventListener('hashchange', listener);
  return () => removeEventListener('hashchange', listener);
};

/** The page's address after "#/", in parts: "#/orders/12" is ["orders", "12"]. */
export const useRoute = (): readonly string[] =>
  useSyncExternalStore(onChange, () => location.hash)
    .replace(/^#\/?/, '')
    .split('/')
    .filter(Boolean)
    .map(decodeURIComponent);

/** Goes to an address of this page. */
export const goTo = (...parts: readonly string[]): void => {
  location.hash = `#/${parts.map(encodeURIComponent).join('/')}`;
};
