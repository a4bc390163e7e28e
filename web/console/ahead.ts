import { createTollgateClient, type Request } from 'tollgate-client';
import { RANGES, readActivity } from './activity.js';
import { fetchDemoToken, type Login } from './login.js';
import { PaymentSettingsDocument, SetupDocument, WhoDocument } from './operations.js';
import { readStuckEvents } from './stuck.js';

/** An answer that nobody took by then is old: whoever asks later asks the server. */
const KEPT_MS = 10_000;

/** Answers that were asked for before the page's code was there. */
export interface Ahead {
  /** What was asked ahead for the same question by the same login, once; undefined where it wasn't. Rejects as the request did. */
  take: (login: Login, operation: unknown, variables: unknown) => Promise<unknown> | undefined;
}

const keyOf = (login: Login, operation: unknown, variables: unknown): string =>
  JSON.stringify([login, operation, variables]);

/** Asks what the overview shows first; all of it depends on who looks. What is refused is asked again by the page, which tells why. */
const askOverview = async (request: Request): Promise<void> => {
  const { permissions } = (await request(WhoDocument, {})).viewer;
  const may = (permission: string): boolean => permissions.includes(permission);
  if (!may('PAYMENT_READ_ANY')) return;
  const reads: Promise<unknown>[] = [readActivity(request, RANGES[0], may('REFUND_READ_ANY'))];
  if (may('EVENT_READ')) reads.push(readStuckEvents(request));
  if (may('SETTINGS_READ')) reads.push(request(SetupDocument, {}), request(PaymentSettingsDocument, {}));
  await Promise.all(reads);
};

/** Asks the server for what the address shows first, while the page's code is on its way; each answer is given out once. */
export const askAhead = (login: Login | undefined, address: string): Ahead => {
  const asked = new Map<string, { readonly answer: Promise<unknown>; readonly at: number }>();
  if (login && /^#?\/?$/.test(address)) {
    const client = createTollgateClient({
      url: new URL('graphql', location.href).href,
      token: login.kind === 'demo' ? fetchDemoToken : async () => login.token,
    });
    const request: Request = (operation, variables, options) => {
      const answer = client.request(operation, variables, options);
      asked.set(keyOf(login, operation, variables), { answer, at: Date.now() });
      return answer;
    };
    askOverview(request).catch(() => undefined);
  }
  return {
    take: (asking, operation, variables) => {
      const key = keyOf(asking, operation, variables);
      const found = asked.get(key);
      asked.delete(key);
      return found && Date.now() - found.at < KEPT_MS ? found.answer : undefined;
    },
  };
};
