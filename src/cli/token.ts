import type { Command } from 'commander';
import { signToken } from '../graphql/token.js';
import { parseSeconds } from './duration.js';
import { createOutput, type JsonOption, UsageError } from './output.js';
import { commandConfig, withEmbeddedSecrets } from './workspace.js';

interface TokenOptions extends JsonOption {
  readonly account: string;
  readonly role?: readonly string[];
  readonly expires: number;
}

const runToken = async (options: TokenOptions): Promise<void> => {
  const { account, role, expires } = options;
  const output = createOutput(options);
  const { jwt } = await withEmbeddedSecrets(commandConfig());
  if (jwt.jwksUrl !== undefined)
    throw new UsageError('Tokens are signed by the issuer of JWT_JWKS_URL; only it can make one.');
  if (jwt.secret === undefined)
    throw new UsageError('JWT_SECRET is missing. Set it to the secret that the server verifies tokens with.');
  if (role && !jwt.trustRoles)
    output.progress('The server ignores roles in tokens unless JWT_TRUST_ROLES=true; "tollgate role assign" works.');
  if (jwt.maxAgeSeconds !== undefined && expires > jwt.maxAgeSeconds)
    output.progress(`The server takes it for ${jwt.maxAgeSeconds} s only: TOLLGATE_TOKEN_MAX_AGE_SECONDS is set.`);
  const token = await signToken(jwt.secret, {
    accountId: account,
    expiresInSeconds: expires,
    ...(role && { roles: role }),
    ...(jwt.rolesClaim !== undefined && { rolesClaim: jwt.rolesClaim }),
    ...(jwt.issuer !== undefined && { issuer: jwt.issuer }),
    ...(jwt.audience !== undefined && { audience: jwt.audience }),
  });
  const expiresAt = new Date(Date.now() + expires * 1_000).toISOString();
  output.data({ token, account, roles: role ?? [], expiresAt }, token);
};

/** Adds the command that signs a caller's token, for trying things out and for scripts. */
export const addTokenCommand = (program: Command): void => {
  program
    .command('token')
    .description("sign a token for an account (HS256 with JWT_SECRET, or the embedded run's own secret)")
    .requiredOption('--account <id>', 'who it speaks for: the "sub" of the token')
    .option('--role <role...>', 'roles in the token; they count where JWT_TRUST_ROLES is true')
    .option('--expires <duration>', 'how long it is good: 90s, 30m, 1h, 7d', parseSeconds, 3_600)
    .option('--json', 'print the token and its end as JSON')
    .action(runToken);
};
