import { TollgateError } from 'tollgate-client';

/** How the operator logged in: with a token of their own, or as the embedded run's demo admin. */
export type Login =
  | { readonly kind: 'token'; readonly token: string; readonly isSession?: boolean }
  | { readonly kind: 'demo' };

const KEPT = 'tollgate-console-login';

/** The login of this tab, which a reload keeps and closing the tab forgets. */
export const readLogin = (): Login | undefined => {
  const kept = sessionStorage.getItem(KEPT);
  return kept === null ? undefined : (JSON.parse(kept) as Login);
};

/** Keeps the login for this tab; undefined logs out. */
export const keepLogin = (login: Login | undefined): void => {
  if (login) sessionStorage.setItem(KEPT, JSON.stringify(login));
  else sessionStorage.removeItem(KEPT);
};

/** A token of the embedded run's admin; rejects where there is no embedded run. */
export const fetchDemoToken = async (): Promise<string> => {
  const response = await fetch('demo/token?account=demo-admin');
  if (!response.ok) throw new TollgateError('UNAUTHENTICATED', 'This server has no demo accounts.');
  return ((await response.json()) as { token: string }).token;
};
