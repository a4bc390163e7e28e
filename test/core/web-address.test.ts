import { expect, test } from 'vitest';
import { credentialsOf, withoutCredentials } from '../../src/core/web-address.js';

test('an address is shown without its user and password, which go into a header', () => {
  expect(withoutCredentials('http://ann:hat@proxy.example:3128/a?b=c')).toBe('http://proxy.example:3128/a?b=c');
  const basic = (pair: string) => ({ authorization: `Basic ${Buffer.from(pair).toString('base64')}` });
  expect(credentialsOf('http://proxy.example')).toEqual({});
  expect(credentialsOf('http://ann:h%40t@proxy.example')).toEqual(basic('ann:h@t'));
  expect(credentialsOf('http://ann@proxy.example')).toEqual(basic('ann:'));
  expect(credentialsOf('http://:hat@proxy.example')).toEqual(basic(':hat'));
  expect(credentialsOf('http://ann:100%25%@proxy.example')).toEqual(basic('ann:100%25%'));
});
