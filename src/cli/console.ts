import { spawn } from 'node:child_process';
import os from 'node:os';
import { type Command, InvalidArgumentError } from 'commander';
import type { Config } from '../config.js';
import { createConsoleSessions } from '../installation/console-sessions.js';
import { parseSeconds } from './duration.js';
import { createOutput, type JsonOption, UsageError } from './output.js';
import { withParts } from './parts.js';
import type { Workspace } from './workspace.js';

interface ConsoleOptions extends JsonOption {
  readonly account: string;
  readonly role: readonly string[];
  readonly expires: number;
  readonly for: number;
  readonly url?: string;
  readonly open: boolean;
}

/** Where the server of this configuration is reached, unless that is said. */
const addressOf = ({ config, running }: Pick<Workspace, 'running'> & { readonly config: Config }): string => {
  if (running) return running.url;
  if (config.publicUrl !== undefined) return config.publicUrl;
  const host = ['0.0.0.0', '::'].includes(config.host) ? '127.0.0.1' : config.host;
  if (config.port.number === 0)
    throw new UsageError('Say where the server is reached: --url http://127.0.0.1:4000, or set PUBLIC_URL or PORT.');
  return `http://${host.includes(':') ? `[${host}]` : host}:${config.port.number}${config.basePath}`;
};

/** Opens a person's browser, where there is one; that it doesn't is no failure, for the address is printed. */
const openBrowser = (url: string): void => {
  const [command, ...args] =
    process.platform === 'darwin'
      ? ['open', url]
      : process.platform === 'win32'
        ? ['rundll32', 'url.dll,FileProtocolHandler', url]
        : ['xdg-open', url];
  const child = spawn(command ?? 'xdg-open', args, { stdio: 'ignore', detached: true });
  child.on('error', () => undefined);
  child.unref();
};

const openConsole = async (options: ConsoleOptions): Promise<void> => {
  const { account, role, expires, url } = options;
  const { code, endsAt, address, lastsSeconds } = await withParts(async (parts) => {
    const longest = parts.config.jwt.maxAgeSeconds ?? options.for;
    const request = {
      accountId: account,
      roles: role,
      codeSeconds: expires,
      lastsSeconds: Math.min(options.for, longest),
    };
    const reached = url ?? addressOf(parts);
    const made = await createConsoleSessions(parts.database).makeCode(request, 'operator');
    return { ...made, address: reached.replace(/\/+$/, ''), lastsSeconds: request.lastsSeconds };
  });
  // What follows the "#" is sent to no server, and stands in no log and no referrer.
  const link = `${address}/console#/sign-in/${code}`;
  const opens = options.open && options.json !== true && process.stdout.isTTY === true;
  if (opens) openBrowser(link);
  createOutput(options).data(
    { url: link, account, roles: role, codeEndsAt: endsAt, sessionSeconds: lastsSeconds },
    `${link}\nIt works once, until ${endsAt.toISOString()}.${opens ? ' Your browser opens it.' : ''}`,
  );
};

const parseUrl = (text: string): string => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.search !== '' || url.hash !== '')
    throw new InvalidArgumentError('Write an address such as https://pay.shop.example.');
  return url.href;
};

/** Adds the command that sends a person to the console, signed in. */
export const addConsoleCommand = (program: Command): void => {
  program
    .command('console')
    .description('open the console signed in: prints an address with a code that works once')
    .option('--account <id>', 'who it is, for the audit and the timelines', `console:${os.userInfo().username}`)
    .option('--role <role...>', 'what the session may do', ['admin'])
    .option('--expires <duration>', 'how long the code works: 90s, 5m, at most 1h', parseSeconds, 300)
    .option('--for <duration>', 'how long the session lasts: 30m, 8h, at most 24h', parseSeconds, 28_800)
    .option('--url <address>', 'where the server is reached; PUBLIC_URL, or HOST and PORT, unless told', parseUrl)
    .option('--no-open', 'only print the address')
    .option('--json', 'print it as JSON')
    .action(openConsole);
};
