import type { Vault } from '../../installation/encryption.js';
import type { Database } from '../../storage/database.js';
import { SECRET_PURPOSE } from './deliver.js';
import type { SealedSecret } from './row.js';
import { lockAllSecrets, updateSecrets } from './rows.js';

/**
 * Seals the signing secrets with the vault's present key, and gives how many needed it. Twice, the second finds nothing to do.
 *
 * @throws EncryptionKeyError when one of them can't be opened; nothing was changed then
 */
export const resealWebhookSecrets = (database: Database, vault: Vault): Promise<number> =>
  database.transaction(async (tx) => {
    let count = 0;
    const reseal = (secret: SealedSecret): SealedSecret => {
      if (!vault.isStale(secret.sealed)) return secret;
      count += 1;
      return { ...secret, sealed: vault.seal(vault.open(secret.sealed, SECRET_PURPOSE), SECRET_PURPOSE) };
    };
    for (const { id, secrets } of await tx.query<{ id: string; secrets: readonly SealedSecret[] }>(lockAllSecrets))
      tx.send(updateSecrets(id, secrets.map(reseal)));
    return count;
  });
