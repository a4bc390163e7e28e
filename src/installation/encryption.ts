import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { DomainError } from '../core/errors.js';

/** The key that encrypts stored secrets is missing, or is another one; the message names the variable. */
class EncryptionKeyError extends DomainError {
  readonly code = 'NOT_CONFIGURED';
}

/** A secret as it is stored: `tg1:<key id>:<base64 of nonce, tag and ciphertext>`. */
export type Sealed = string;

/** Encrypts what an operator stores, with AES-256-GCM (NIST SP 800-38D) and a fresh nonce each time. */
export interface Vault {
  /** The id of the key that seals; undefined without a key. */
  readonly keyId: string | undefined;
  /**
   * Encrypts; `purpose` says what the secret is and must be the same when it is opened.
   *
   * @throws EncryptionKeyError without a key
   */
  seal(secret: string, purpose: string): Sealed;
  /** @throws EncryptionKeyError when no key here opens it, or it was changed */
  open(sealed: Sealed, purpose: string): string;
  /** Whether a key here is the one that it was sealed with. */
  knows(sealed: Sealed): boolean;
  /** Whether it was sealed with another key than the one that seals now. */
  isStale(sealed: Sealed): boolean;
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const ALGORITHM = 'aes-256-gcm';

/** Names a key without telling it. */
const idOf = (key: Buffer): string =>
  createHash('sha256').update('tollgate key').update(key).digest('hex').slice(0, 12);

/** Builds the vault; with `next` that key seals, and both open: what a rotation needs in every process. */
export const createVault = ({ key, next }: { readonly key: string | undefined; readonly next: string | undefined }) => {
  const keys = new Map(
    [next, key].flatMap((text) => {
      if (text === undefined) return [];
      const bytes = Buffer.from(text, 'base64');
      return [[idOf(bytes), bytes] as const];
    }),
  );
  const [keyId] = keys.keys();

  const vault: Vault = {
    keyId,
    seal(secret, purpose) {
      const bytes = keyId === undefined ? undefined : keys.get(keyId);
      if (keyId === undefined || bytes === undefined)
        throw new EncryptionKeyError(
          'TOLLGATE_ENCRYPTION_KEY is not set, so secrets can not be stored. Set it, in every process, to 32 bytes in base64: openssl rand -base64 32.',
        );
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(ALGORITHM, bytes, nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(Buffer.from(`${keyId}:${purpose}`));
      const text = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
      return `tg1:${keyId}:${Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64')}`;
    },
    open(sealed, purpose) {
      const [version, id = '', body = ''] = sealed.split(':');
      const bytes = keys.get(id);
      if (version !== 'tg1' || bytes === undefined)
        throw new EncryptionKeyError(
          keys.size === 0
            ? 'TOLLGATE_ENCRYPTION_KEY is not set, so the stored secrets can not be opened. Set it to the key that they were stored with.'
            : `The stored secrets were encrypted with another key (id ${id}). Set TOLLGATE_ENCRYPTION_KEY to that key, or run "tollgate configure" again.`,
        );
      const data = Buffer.from(body, 'base64');
      try {
        const decipher = createDecipheriv(ALGORITHM, bytes, data.subarray(0, NONCE_BYTES), {
          authTagLength: TAG_BYTES,
        });
        decipher.setAAD(Buffer.from(`${id}:${purpose}`));
        decipher.setAuthTag(data.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
        return decipher.update(data.subarray(NONCE_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
      } catch (cause) {
        throw new EncryptionKeyError('A stored secret was changed. Run "tollgate configure" again.', { cause });
      }
    },
    knows: (sealed) => keys.has(sealed.split(':')[1] ?? ''),
    isStale: (sealed) => sealed.split(':')[1] !== keyId,
  };
  return vault;
};
