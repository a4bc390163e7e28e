import { SignJWT } from 'jose';
import { expect, test } from 'vitest';
import { createTokens } from '../../client/src/tokens.js';

const sign = (seconds: number): Promise<string> =>
  new SignJWT({ sub: 'ann' })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime(Math.floor(Date.now() / 1_000) + seconds)
    .sign(new TextEncoder().encode('a secret of the tests that is long enough'));

/** A source that counts how often it was asked. */
const counted = (seconds: number) => {
  const source = {
    asked: 0,
    give: async () => {
      source.asked += 1;
      return `${await sign(seconds)}${'='.repeat(source.asked)}`;
    },
  };
  return source;
};

test('a token is fetched once, also by callers at the same time, until it is about to end', async () => {
  const lasting = counted(3_600);
  const kept = createTokens(lasting.give);
  const [one, two] = await Promise.all([kept.current(), kept.current()]);
  expect(one).toBe(two);
  expect(await kept.current()).toBe(one);
  expect(lasting.asked).toBe(1);

  const ending = counted(20);
  const renewed = createTokens(ending.give);
  await renewed.current();
  await renewed.current();
  expect(ending.asked).toBe(2);
});

test('a refused token is replaced; refusing an older one changes nothing', async () => {
  const source = counted(3_600);
  const tokens = createTokens(source.give);
  const first = await tokens.current();
  tokens.refuse(first);
  const second = await tokens.current();
  expect(second).not.toBe(first);
  tokens.refuse(first);
  expect(await tokens.current()).toBe(second);
});

test('a source that fails is asked again by the next caller', async () => {
  let calls = 0;
  const tokens = createTokens(async () => {
    calls += 1;
    if (calls === 1) throw new Error('down');
    return 'opaque';
  });
  await expect(tokens.current()).rejects.toThrow('down');
  expect(await tokens.current()).toBe('opaque');
});
