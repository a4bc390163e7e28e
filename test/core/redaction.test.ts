import { describe, expect, test } from 'vitest';
import { redact, redactWords, TooDeepError } from '../../src/core/redaction.js';

const GONE = '[redacted]';
/** What is left of an object, which it is also as text. */
const cleaned = (object: object, text = JSON.stringify(object)): unknown => {
  const left = structuredClone(object);
  const clean = redact(left, text);
  if (clean !== undefined) expect(JSON.parse(clean)).toEqual(left);
  return left;
};
/** An object so many levels below the outermost one. */
const nested = (depth: number, key = 'inner'): object => {
  let object: object = {};
  for (let level = 0; level < depth; level += 1) object = { [key]: object };
  return object;
};

describe('what confirms a payment or opens a page is taken out of an object', () => {
  test.each([
    ['a client secret', { client_secret: 'pi_1_secret_2' }, { client_secret: GONE }],
    ['one under any name', { text: 'pi_1_secret_2' }, { text: GONE }],
    ['whatever is called a secret', { signing_Secret: 'x' }, { signing_Secret: GONE }],
    ['a page', { url: 'https://checkout.example/1' }, { url: GONE }],
    [
      'an invoice’s pages',
      { hosted_invoice_url: 'http://a', invoice_pdf: 'https://b' },
      { hosted_invoice_url: GONE, invoice_pdf: GONE },
    ],
    ['at any depth, in lists too', { data: [{ next: { url: 'https://a' } }] }, { data: [{ next: { url: GONE } }] }],
  ])('%s', (_, object, left) => {
    expect(cleaned(object)).toEqual(left);
  });

  test.each([
    [
      'the app’s own addresses and the receipt’s',
      { success_url: 'https://a', cancel_url: 'https://b', return_url: 'https://c', receipt_url: 'https://d' },
    ],
    ['an address in a list’s own way', { url: '/v1/refunds' }],
    ['what only begins like an address', { url: 'httpd' }],
    ['an address under another name', { address: 'https://a' }],
    ['what the app put into metadata', { metadata: { secret: 'ours', url: 'https://a' } }],
    ['what is no text', { client_secret: null, secret: 7, url: true }],
  ])('and %s stays', (_, object) => {
    expect(cleaned(object)).toEqual(object);
  });

  test('twice, or with one secret in two places, it is the same', () => {
    const object = { a: { client_secret: 'x' }, b: { client_secret: 'x' } };
    const text = redact(object, JSON.stringify(object));
    expect(text).toBe('{"a":{"client_secret":"[redacted]"},"b":{"client_secret":"[redacted]"}}');
    expect(redact(object, text ?? '')).toBe(text);
  });

  test('a text that spells a secret in its own way can’t be kept', () => {
    const text = '{"client_secret":"pi_1_s\\u0065cret_2"}';
    const object = JSON.parse(text) as object;
    expect(redact(object, text)).toBeUndefined();
    expect(object).toEqual({ client_secret: GONE });
  });

  test('it may be 64 deep and no deeper, in metadata either', () => {
    expect(() => redact(nested(64), '')).not.toThrow();
    expect(() => redact(nested(65), '')).toThrow(TooDeepError);
    expect(() => redact({ metadata: nested(63) }, '')).not.toThrow();
    expect(() => redact({ metadata: nested(64) }, '')).toThrow('more than 64 deep');
    expect(() => redact({ metadata: { empty: null, texts: ['a'] } }, '')).not.toThrow();
  });
});

test.each([
  ['Stripe said sk_live_abcdef123456 is wrong', `Stripe said ${GONE} is wrong`],
  ['pi_1_secret_abc', GONE],
  ['authorization: Bearer abcdefgh12', `authorization: Bearer ${GONE}`],
  ['postgres://user:hunter2@db/shop', `postgres://user:${GONE}@db/shop`],
  ['https://a.example/?api_key=abc&page=2', `https://a.example/?api_key=${GONE}&page=2`],
  ['nothing of the kind', 'nothing of the kind'],
])('of somebody’s words “%s” stays what is no secret', (words, left) => {
  expect(redactWords(words)).toBe(left);
});
