import { type Command, Option } from 'commander';
import type { CONFIGURE } from '../environment/environment.js';
import type { OpenRows } from '../installation/open-rows.js';
import type { ConfigureReport } from '../installation/settings.js';
import { parseSeconds } from './duration.js';
import { createOutput, type JsonOption, UsageError } from './output.js';
import { withParts } from './parts.js';
import { completeSecrets, type GivenSecrets } from './secret-input.js';

const modeWord = (livemode: boolean): string => (livemode ? 'live' : 'test');

/** `recurringPayments` as `recurring payments`. */
const inWords = (kind: string): string => kind.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

const describeOpen = ({ livemode, account, counts }: OpenRows): string =>
  `  ${Object.entries(counts)
    .map(([kind, count]) => `${count} ${inWords(kind)}`)
    .join(', ')} of ${account} (${modeWord(livemode)}) stay open: these keys don't reach them.`;

const describeEndpoint = (endpoint: ConfigureReport['endpoint']): string => {
  switch (endpoint.outcome) {
    case 'off':
      return `  webhooks  ${endpoint.reason}`;
    case 'failed':
      return `  webhooks  not registered: ${endpoint.error.message}`;
    default:
      return `  webhooks  ${endpoint.url} is registered (${endpoint.id}, ${endpoint.outcome})`;
  }
};

const runConfigure = async ({ json, ...given }: GivenSecrets & JsonOption): Promise<void> => {
  const output = createOutput(json === undefined ? {} : { json });
  const { publishableKey, secretKey, webhookSecret } = await completeSecrets(given);
  if (publishableKey === undefined || secretKey === undefined)
    throw new UsageError(
      `The ${secretKey === undefined ? 'secret' : 'publishable'} key is missing. Give it on stdin, on the terminal, by environment or as an option: tollgate configure --help.`,
    );
  const report = await withParts(({ settings, reachesStripe }) => {
    if (!reachesStripe)
      throw new UsageError(
        'The sandbox of the embedded run is not up, so keys can not be verified. Run "npm start" first.',
      );
    output.progress('Asking Stripe about the keys …');
    return settings.configure({ publishableKey, secretKey, webhookSecret }, 'operator');
  });
  const { account, livemode, openElsewhere, endpoint } = report;
  output.data(
    {
      account,
      livemode,
      openElsewhere: openElsewhere.map(({ counts, ...where }) => ({ ...where, ...counts })),
      endpoint:
        endpoint.outcome === 'failed' ? { outcome: endpoint.outcome, reason: endpoint.error.message } : endpoint,
    },
    [
      `The ${modeWord(livemode)} keys of ${account} are stored, encrypted, and in force everywhere within seconds.`,
      describeEndpoint(endpoint),
      ...openElsewhere.map(describeOpen),
    ].join('\n'),
  );
  if (endpoint.outcome === 'failed') throw endpoint.error;
};

const runRotateSecret = async ({ overlap, ...options }: JsonOption & { readonly overlap: number }): Promise<void> => {
  const output = createOutput(options);
  const report = await withParts(({ endpoints, reachesStripe }) => {
    if (!reachesStripe) throw new UsageError('The sandbox of the embedded run delivers by itself: nothing to rotate.');
    output.progress('Asking Stripe …');
    return endpoints.rotate(overlap);
  });
  const { outcome, id, oldAcceptedUntil } = report;
  output.data(
    report,
    [
      outcome === 'rotated'
        ? `The endpoint ${id} has taken over, with a new secret.`
        : `A rotation to ${id} was under way already; no further endpoint was made.`,
      oldAcceptedUntil === null
        ? 'The old endpoint is deleted.'
        : `The old secret is accepted until ${oldAcceptedUntil}; then a running server, or the next run of this command, deletes its endpoint.`,
    ].join('\n'),
  );
};

/** An option that may come by environment instead: options are seen in the machine's list of processes. */
const byEnvironment = (flags: string, words: string, name: keyof typeof CONFIGURE): Option =>
  new Option(flags, words).env(name);

/** Adds the commands that tie the installation to Stripe. */
export const addStripeCommands = (program: Command): void => {
  program
    .command('configure')
    .description('verify the Stripe keys and store them encrypted; with PUBLIC_URL, register the webhook endpoint')
    .addOption(byEnvironment('--publishable-key <key>', 'pk_…', 'TOLLGATE_CONFIGURE_PUBLISHABLE_KEY'))
    .addOption(byEnvironment('--secret-key <key>', 'sk_… or rk_… (restricted)', 'TOLLGATE_CONFIGURE_SECRET_KEY'))
    .addOption(
      byEnvironment(
        '--webhook-secret <secret>',
        'whsec_… of an endpoint of your own',
        'TOLLGATE_CONFIGURE_WEBHOOK_SECRET',
      ),
    )
    .option('--json', 'print what was found as JSON')
    .addHelpText(
      'after',
      '\nKeys that are left out are read from stdin, one a line, or asked for on the terminal without being shown:\n  npx tollgate configure < keys.txt\nOther users of the machine can read options in the list of processes.',
    )
    .action(runConfigure);
  program
    .command('rotate-webhook-secret')
    .description('register a second webhook endpoint with a new secret, and delete the old one after the overlap')
    .option('--overlap <duration>', 'how long both secrets are accepted: 0s, 30m, 24h, 7d', parseSeconds, 86_400)
    .option('--json', 'print the endpoint and the end of the overlap as JSON')
    .action(runRotateSecret);
};
