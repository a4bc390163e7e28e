import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { readSecrets, writeSecrets } from '../embedded/embedded-run.js';
import { createVault, type Vault } from '../installation/encryption.js';
import { resealSecrets } from '../installation/stored-keys.js';
import { resealWebhookSecrets } from '../nouns/outgoing/reseal.js';
import type { Database } from '../storage/database.js';
import { createOutput, type JsonOption, UsageError } from './output.js';
import { type Parts, withParts } from './parts.js';
import { commandConfig } from './workspace.js';

/** Every stored secret, whoever's it is. */
const resealAll = async (database: Database, vault: Vault): Promise<number> =>
  (await resealSecrets(database, vault)) + (await resealWebhookSecrets(database, vault));

/** The embedded run keeps its keys in its data directory: both, while secrets are under either of them. */
const rotateEmbedded = async ({ config, database, running }: Parts): Promise<number> => {
  if (running)
    throw new UsageError(`Tollgate runs at ${running.url} with the old key. Stop it, rotate, start it again.`);
  const secrets = await readSecrets(config.dataDir);
  const next = config.encryption.next ?? randomBytes(32).toString('base64');
  await writeSecrets(config.dataDir, { ...secrets, encryptionKeyNext: next });
  const count = await resealAll(database, createVault({ key: secrets.encryptionKey, next }));
  await writeSecrets(config.dataDir, { jwtSecret: secrets.jwtSecret, encryptionKey: next });
  return count;
};

const rotate = async (parts: Parts): Promise<number> => {
  if (parts.config.encryption.next === undefined)
    throw new UsageError(
      'TOLLGATE_ENCRYPTION_KEY_NEW is missing. Set it to a new key (openssl rand -base64 32) beside TOLLGATE_ENCRYPTION_KEY, in every process, and run this again.',
    );
  const count = await resealAll(parts.database, parts.vault);
  await parts.changed();
  return count;
};

const runRotateKey = async (options: JsonOption): Promise<void> => {
  const output = createOutput(options);
  const { count, ownKeys } = await withParts(async (parts) => {
    const embedded = parts.config.embedded && commandConfig().encryption.key === undefined;
    output.progress('Encrypting the stored secrets again …');
    return { count: embedded ? await rotateEmbedded(parts) : await rotate(parts), ownKeys: embedded };
  });
  const next = ownKeys
    ? 'The new key is in the data directory; the old one is gone.'
    : 'Now set TOLLGATE_ENCRYPTION_KEY to the new key in every process, unset TOLLGATE_ENCRYPTION_KEY_NEW, and restart.';
  output.data({ reencrypted: count }, `${count} stored secret(s) were encrypted again. ${next}`);
};

/** Adds the command that replaces the encryption key. */
export const addEncryptionCommand = (program: Command): void => {
  program
    .command('rotate-encryption-key')
    .description('encrypt the stored secrets again with TOLLGATE_ENCRYPTION_KEY_NEW; safe to run twice')
    .option('--json', 'print how many secrets were encrypted again as JSON')
    .action(runRotateKey);
};
