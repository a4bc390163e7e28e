import { type Command, InvalidArgumentError } from 'commander';
import { environmentHelp } from '../environment/environment-page.js';
import { createOutput, type JsonOption } from './output.js';

const parsePort = (text: string): number => {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535)) throw new InvalidArgumentError('A port is a number from 0 to 65535 (0: any free one).');
  return port;
};

const parseUrl = (text: string): string => {
  if (!URL.canParse(text)) throw new InvalidArgumentError('Write it like http://127.0.0.1:4000/webhooks/stripe.');
  return text;
};

/** Resolves when a signal asks the process to end. */
const untilSignal = (): Promise<void> =>
  new Promise((resolve) => {
    process.once('SIGINT', () => resolve()).once('SIGTERM', () => resolve());
  });

interface SandboxOptions extends JsonOption {
  readonly port: number;
  readonly webhookUrl?: string;
  readonly webhookSecret: string;
  readonly dataFile?: string;
}

const runSandbox = async (options: SandboxOptions): Promise<void> => {
  const { startSandbox } = await import('../../sandbox/sandbox.js');
  const { port, webhookUrl, webhookSecret, dataFile } = options;
  const sandbox = await startSandbox({
    port,
    webhookSecret,
    ...(webhookUrl !== undefined && { webhookUrl }),
    ...(dataFile !== undefined && { dataFile }),
  });
  createOutput(options).data(
    { url: sandbox.url, webhookUrl: webhookUrl ?? null },
    [
      `The sandbox answers as Stripe at ${sandbox.url}`,
      `  keys      sk_test_sandbox and pk_test_sandbox, or sk_live_sandbox and pk_live_sandbox`,
      `  webhooks  ${webhookUrl ?? 'to the endpoints that are registered with it'}`,
    ].join('\n'),
  );
  await untilSignal();
  await sandbox.close();
};

/** Adds the commands that serve until they are stopped. */
export const addRunCommands = (program: Command): void => {
  program
    .command('start')
    .description('run the server; everything is configured by environment variables')
    .addHelpText('after', environmentHelp)
    .action(async () => {
      const { run } = await import('../main.js');
      await run();
    });
  program
    .command('sandbox')
    .description('run a local Stripe beside the server: no account, no network')
    .option('--port <number>', 'where it listens; 0: any free port', parsePort, 4010)
    .option('--webhook-url <url>', 'gets every event, beside the endpoints that are registered', parseUrl)
    .option('--webhook-secret <secret>', 'signs what --webhook-url gets', 'whsec_sandbox')
    .option('--data-file <file>', 'keeps the state across restarts')
    .option('--json', 'print the address as JSON')
    .action(runSandbox);
};
