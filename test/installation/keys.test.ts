import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createVault } from '../../src/installation/encryption.js';
import { resealSecrets } from '../../src/installation/stored-keys.js';
import { newKey, type OperatorOptions, type OperatorParts, openOperator, TEST_KEYS } from '../doctor/operator-parts.js';
import { openTestBed, type Server, type TestBed } from '../harness/tollgate.js';

const CONFIGURE = /* GraphQL */ `
  mutation ($input: ConfigureStripeInput!) {
    configureStripe(input: $input) {
      settings { active plan publishableKey secretKeySet webhookSecretSet livemode orderTable { table idColumn } }
    }
  }
`;
const ADMIN = { account: 'boss', roles: ['admin'] };
const NO_KEYS = { STRIPE_SECRET_KEY: '', STRIPE_PUBLISHABLE_KEY: '', STRIPE_WEBHOOK_SECRET: '' };

describe('encryption at rest', () => {
  const key = newKey();

  test('a secret opens with its key and for its purpose only, and never looks the same twice', () => {
    const vault = createVault({ key, next: undefined });
    const sealed = vault.seal('sk_test_secret', 'a');
    expect(vault.open(sealed, 'a')).toBe('sk_test_secret');
    expect(sealed).not.toContain('secret');
    expect(vault.seal('sk_test_secret', 'a')).not.toBe(sealed);
    expect(() => vault.open(sealed, 'b')).toThrow('was changed');
    expect(() => createVault({ key: newKey(), next: undefined }).open(sealed, 'a')).toThrow('another key');
  });

  test('a changed ciphertext, nonce or tag is refused', () => {
    const vault = createVault({ key, next: undefined });
    const [version, id, body = ''] = vault.seal('sk_test_secret', 'a').split(':');
    const bytes = Buffer.from(body, 'base64');
    for (const at of [0, 12, 28]) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8((changed.readUInt8(at) + 1) % 256, at);
      expect(() => vault.open(`${version}:${id}:${changed.toString('base64')}`, 'a')).toThrow('was changed');
    }
  });

  test('without a key nothing is sealed, and the message names the variable', () => {
    expect(() => createVault({ key: undefined, next: undefined }).seal('x', 'a')).toThrow('TOLLGATE_ENCRYPTION_KEY');
  });
});

describe('Stripe keys', () => {
  let bed: TestBed;
  const opened: OperatorParts[] = [];
  const open = async (options: OperatorOptions = {}): Promise<OperatorParts> => {
    const parts = await openOperator(bed, options);
    opened.push(parts);
    return parts;
  };
  const stored = async (): Promise<string> =>
    JSON.stringify((await bed.sql.query(`select * from tollgate.setting where key like 'stripe%'`)).rows);
  beforeAll(async () => {
    bed = await openTestBed();
  });
  afterAll(async () => {
    for (const parts of opened) await parts.close();
    await bed.close();
  });

  test.each([
    [{ ...TEST_KEYS, secretKey: 'pk_test_sandbox' }, 'That is a publishable key'],
    [{ ...TEST_KEYS, publishableKey: 'sk_test_sandbox' }, 'That is a secret key'],
    [{ ...TEST_KEYS, secretKey: 'whsec_abc' }, 'signing secret'],
    [{ ...TEST_KEYS, secretKey: 'hello' }, 'no key of Stripe'],
    [{ ...TEST_KEYS, publishableKey: 'pk_live_sandbox' }, 'a live key, the secret key a test key'],
    [{ ...TEST_KEYS, secretKey: 'sk_test_unknown' }, 'does not accept the secret key'],
    [{ ...TEST_KEYS, publishableKey: 'pk_test_unknown' }, 'does not accept the publishable key'],
    [{ ...TEST_KEYS, publishableKey: 'pk_test_sandbox_other' }, 'another Stripe account'],
    [{ ...TEST_KEYS, webhookSecret: 'sk_test_sandbox' }, 'starts with whsec_'],
  ])('keys that do not fit are refused in words, without showing them, and nothing is stored (%#)', async (keys, words) => {
    const { settings } = await open();
    const refusal = await settings.configure(keys).then(
      () => undefined,
      (error: Error & { code: string }) => error,
    );
    expect(refusal?.message).toContain(words);
    expect(refusal).toMatchObject({ code: 'BAD_USER_INPUT' });
    for (const key of Object.values(keys)) expect(refusal?.message).not.toContain(key);
    expect(await stored()).toBe('[]');
  });

  test('what the environment sets wins, and configuring is refused naming the variable', async () => {
    const both = await open({ environment: TEST_KEYS });
    await expect(both.settings.configure(TEST_KEYS)).rejects.toThrow(
      /STRIPE_SECRET_KEY and STRIPE_PUBLISHABLE_KEY are set/,
    );
    const secret = await open({ environment: { webhookSecrets: ['whsec_env'] } });
    await expect(secret.settings.configure({ ...TEST_KEYS, webhookSecret: 'whsec_other' })).rejects.toThrow(
      'STRIPE_WEBHOOK_SECRET is set',
    );
  });

  test('white space around a key that was copied is left out', async () => {
    const parts = await openOperator(bed);
    try {
      await parts.settings.configure({
        publishableKey: ` ${TEST_KEYS.publishableKey}\n`,
        secretKey: `${TEST_KEYS.secretKey} `,
        webhookSecret: '\twhsec_copied ',
      });
      expect(await parts.keys.read()).toMatchObject({ ...TEST_KEYS, webhookSecrets: ['whsec_copied'] });
    } finally {
      await bed.sql.query(`delete from tollgate.setting where key like 'stripe%'`);
      await parts.close();
    }
  });

  test('without an encryption key nothing is stored in the clear', async () => {
    const { settings } = await open({ encryption: { key: undefined, next: undefined } });
    await expect(settings.configure(TEST_KEYS)).rejects.toMatchObject({ code: 'NOT_CONFIGURED' });
    expect(await stored()).toBe('[]');
  });

  test('a running server takes keys over GraphQL, never gives them back, and a second one uses them without a restart', async () => {
    const environment = { ...NO_KEYS, TOLLGATE_ENCRYPTION_KEY: newKey() };
    const first: Server = await bed.start({ environment });
    const second: Server = await bed.start({ environment });
    const orderId = await bed.createOrder();
    const input = { orderId, amount: 10_000, currency: 'USD' };
    const pay = 'mutation ($input: PayInput!) { pay(input: $input) { payment { id } } }';
    expect((await second.request(pay, { input })).errors?.[0]?.extensions?.['code']).toBe('NOT_CONFIGURED');
    const forbidden = await first.request(CONFIGURE, { input: { ...TEST_KEYS, webhookSecret: 'whsec_given' } });
    expect(forbidden.errors?.[0]?.extensions?.['code']).toBe('FORBIDDEN');

    const answer = await first.request(CONFIGURE, { input: { ...TEST_KEYS, webhookSecret: 'whsec_given' } }, ADMIN);
    expect(answer.data?.['configureStripe']).toEqual({
      settings: {
        active: true,
        plan: 'PRO',
        publishableKey: 'pk_test_sandbox',
        secretKeySet: true,
        webhookSecretSet: true,
        livemode: false,
        orderTable: { table: 'public.shop_order', idColumn: 'id' },
      },
    });
    for (const secret of ['sk_test_sandbox', 'whsec_given']) {
      expect(JSON.stringify(answer)).not.toContain(secret);
      expect(await stored()).not.toContain(secret);
    }
    // No Redis here: the second process sees it when its short memory ends.
    await expect.poll(async () => (await second.request(pay, { input })).errors, { timeout: 8_000 }).toBeUndefined();
  });

  test('switching to live keys tells how many test rows stay open', async () => {
    const { settings, keys } = await open();
    await settings.configure(TEST_KEYS);
    const report = await settings.configure({ publishableKey: 'pk_live_sandbox', secretKey: 'sk_live_sandbox' });
    expect(report).toMatchObject({
      account: 'acct_sandbox',
      livemode: true,
      openElsewhere: [
        { livemode: false, account: 'acct_sandbox', counts: { payments: 1, refunds: 0, recurringPayments: 0 } },
      ],
      endpoint: { outcome: 'off' },
    });
    expect(await keys.read()).toMatchObject({ secretKey: 'sk_live_sandbox', source: 'stored' });
  });

  test('while the encryption key is rotated both keys open what is stored, afterwards the new one alone', async () => {
    const [old, next] = [newKey(), newKey()];
    const before = await open({ encryption: { key: old, next: undefined } });
    await before.settings.configure({ ...TEST_KEYS, webhookSecret: 'whsec_given' });
    const between = await open({ encryption: { key: old, next } });
    expect(await between.keys.read()).toMatchObject({ secretKey: 'sk_test_sandbox' });
    expect(await resealSecrets(between.database, between.vault)).toBe(2);
    expect(await resealSecrets(between.database, between.vault)).toBe(0);
    between.keys.forget();
    expect(await between.keys.read()).toMatchObject({ webhookSecrets: ['whsec_given'] });
    const after = await open({ encryption: { key: next, next: undefined } });
    expect(await after.keys.read()).toMatchObject({ secretKey: 'sk_test_sandbox' });
    const stale = await open({ encryption: { key: old, next: undefined } });
    await expect(stale.keys.read()).rejects.toThrow('TOLLGATE_ENCRYPTION_KEY');
  });

  test('keys cost no query while they are remembered', async () => {
    await bed.sql.query(`delete from tollgate.setting where key like 'stripe%'`);
    const { keys, database } = await openOperator(bed);
    await keys.read();
    await database.close();
    await expect(keys.read()).resolves.toBeUndefined();
  });
});
