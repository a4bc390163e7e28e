import { afterAll, expect, test, vi } from 'vitest';
import WebSocket from 'ws';
import { createLive } from '../../client/src/live.js';
import { createTokens } from '../../client/src/tokens.js';
import { UnauthenticatedError } from '../../src/core/errors.js';
import { DEFAULT_GRANTS } from '../../src/core/permissions.js';
import { payment, startEdge } from '../http/edge.js';

interface Row {
  readonly id: string;
  readonly version: number;
}

/** Accounts whose token has ended for their streams already, and not yet for their sockets. */
const ended = new Set<string | null>();
const edge = await startEdge({
  roles: {
    callerOf: async (accountId) => {
      if (ended.has(accountId)) throw new UnauthenticatedError('The token has expired.');
      return { accountId, roles: ['admin'], permissions: new Set(DEFAULT_GRANTS.admin) };
    },
  },
});
const page = new EventTarget();
vi.stubGlobal('WebSocket', WebSocket);
vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
vi.stubGlobal('removeEventListener', page.removeEventListener.bind(page));
afterAll(async () => {
  vi.unstubAllGlobals(); // other files share this worker
  await edge.close();
});

/** A client whose tokens are of these accounts, one after the other; the last one's for ever. */
const open = (accounts: string[]) => {
  const counts = { tokens: 0 };
  const tokens = createTokens(async () => {
    const account = accounts[Math.min(counts.tokens, accounts.length - 1)];
    counts.tokens += 1;
    return edge.token(account, account === 'ann' ? 2 : undefined);
  });
  const live = createLive({ url: `${edge.url}/graphql`, tokens });
  const watch = () =>
    live.watch<{ row: Row }, Record<string, never>, Row>({
      operation: 'subscription { row: paymentUpdated(id: 1) { id version } }',
      variables: {},
      rowOf: ({ row }) => row,
    });
  return { live, watch, counts };
};

test('a token that ends before its socket does: one fresh token, and every stream goes on', async () => {
  const { live, watch, counts } = open(['ann', 'bob']);
  const streams = [watch(), watch(), watch(), watch()];
  for (const stream of streams) expect((await stream.next()).value).toEqual({ id: '1', version: 1 });
  expect(counts.tokens).toBe(1);
  ended.add('ann');
  edge.streams.push(payment('1', { version: 2 }));
  edge.rows.set('1', payment('1', { version: 2 }));
  for (const stream of streams) expect((await stream.next()).value).toEqual({ id: '1', version: 2 });
  expect(counts.tokens).toBe(2);
  expect(live.connection.current()).toBe('open');
  for (const stream of streams) await stream.return?.();
  await edge.streams.idle();
  live.close();
});

test('tokens that are refused again and again end the stream with what to do', async () => {
  ended.add('eve');
  const { live, watch, counts } = open(['eve']);
  await expect(watch().next()).rejects.toMatchObject({
    code: 'UNAUTHENTICATED',
    message: expect.stringMatching(/Log in/),
  });
  expect(counts.tokens).toBe(3);
  live.close();
});
