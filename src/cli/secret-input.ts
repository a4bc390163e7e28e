import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';

/** Asks on the terminal for a value that isn't shown while it is typed. */
const ask = async (question: string): Promise<string> => {
  process.stderr.write(question);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  try {
    return (await terminal.question('')).trim();
  } finally {
    terminal.close();
    process.stderr.write('\n');
  }
};

/** The Stripe keys of a command that were given in one way or another. */
export interface GivenSecrets {
  readonly publishableKey?: string | undefined;
  readonly secretKey?: string | undefined;
  readonly webhookSecret?: string | undefined;
}

const fromLines = (lines: readonly string[]): GivenSecrets => ({
  publishableKey: lines.find((line) => line.startsWith('pk_')),
  secretKey: lines.find((line) => /^(sk|rk)_/.test(line)),
  webhookSecret: lines.find((line) => line.startsWith('whsec_')),
});

/**
 * Fills in what the options left out: from a pipe, one value a line in any order, told apart by their beginnings; on a
 * terminal by asking. Nothing that is typed is shown.
 */
export const completeSecrets = async (given: GivenSecrets): Promise<GivenSecrets> => {
  if (given.publishableKey !== undefined && given.secretKey !== undefined) return given;
  if (!process.stdin.isTTY) {
    const piped = fromLines((await text(process.stdin)).split(/\s+/));
    return {
      publishableKey: given.publishableKey ?? piped.publishableKey,
      secretKey: given.secretKey ?? piped.secretKey,
      webhookSecret: given.webhookSecret ?? piped.webhookSecret,
    };
  }
  return {
    ...given,
    publishableKey: given.publishableKey ?? (await ask('Publishable key (pk_…): ')),
    secretKey: given.secretKey ?? (await ask('Secret key (sk_… or rk_…, not shown): ')),
  };
};
