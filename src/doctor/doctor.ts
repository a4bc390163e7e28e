import type { FlowFiles } from '../flows/flow-files.js';
import type { Vault } from '../installation/encryption.js';
import type { Plans } from '../installation/plan.js';
import type { KeyStore } from '../installation/stripe-keys.js';
import type { WebhookEndpoints } from '../installation/webhook-endpoint.js';
import { renewalProblems } from '../nouns/renewals/problems.js';
import type { Orders } from '../orders/orders.js';
import type { Database } from '../storage/database.js';
import type { StripeGateway } from '../stripe/gateway.js';
import { booksChecks } from './books-checks.js';
import { type Check, type CheckOutcome, found, foundAny, ok, runCheck, warned } from './checks.js';
import { databaseChecks } from './database-checks.js';
import { orderChecks } from './orders-checks.js';
import { findSetupProblems, type SetupProblem } from './setup-problems.js';
import { stripeChecks } from './stripe-checks.js';
import { workChecks } from './work-checks.js';

/** All that the checks ask. */
export interface DoctorParts {
  readonly database: Database;
  readonly databaseUrl: string;
  readonly vault: Vault;
  readonly keys: KeyStore;
  /** Builds the calls for a key. */
  readonly connect: (key: string) => StripeGateway;
  readonly endpoints: WebhookEndpoints;
  /** The types of events that we apply. */
  readonly eventTypes: readonly string[];
  readonly publicUrl: string | undefined;
  readonly isCompatibleServer: boolean;
  readonly plans: Pick<Plans, 'current'>;
  readonly orders: Pick<Orders, 'findBinding' | 'amountSql'>;
  /** Left out: the flows' files are not looked at. */
  readonly flowFiles: FlowFiles | undefined;
  /** Sends a message through Redis and waits for it, in milliseconds; undefined without Redis. */
  readonly roundTrip: (() => Promise<number>) | undefined;
  /** How long a caller's token is good at most; undefined: as long as it says. A demo's tokens are its own. */
  readonly tokens: { readonly isDemo: boolean; readonly maxAgeSeconds: number | undefined };
  /** Loads the callback flows; rejects, naming the file, when one can't be used. */
  readonly loadFlows: () => Promise<unknown>;
}

const checkRedis = ({ roundTrip }: DoctorParts): Check => ({
  title: 'Redis round trip',
  code: 'REDIS_UNREACHABLE',
  reach: 'local',
  async run() {
    if (!roundTrip) return ok('not used: REDIS_URL is not set, so one process serves alone');
    try {
      return ok(`${(await roundTrip()).toFixed(0)} ms`);
    } catch {
      return found({
        code: 'REDIS_UNREACHABLE',
        message: 'A message through Redis did not come back, so clients of other processes hear late.',
        remedy: 'Check REDIS_URL and that Redis runs; live status goes on from the database meanwhile.',
      });
    }
  },
});

const checkFlows = ({ loadFlows }: DoctorParts): Check => ({
  title: 'callback flows',
  code: 'FLOWS_BROKEN',
  reach: 'local',
  async run() {
    try {
      await loadFlows();
      return ok('all of them load');
    } catch (error) {
      return found({
        code: 'FLOWS_BROKEN',
        message: error instanceof Error ? error.message : String(error),
        remedy: 'Mend the file; the server does not start with it.',
      });
    }
  },
});

const checkTokens = ({ tokens: { isDemo, maxAgeSeconds } }: DoctorParts): Check => ({
  title: "callers' tokens",
  code: 'TOKENS_WITHOUT_END',
  reach: 'local',
  async run() {
    if (maxAgeSeconds !== undefined) return ok(`end ${maxAgeSeconds} s after they were issued, at the latest`);
    if (isDemo) return ok('those of the demo end after a day');
    return warned('as long as they say', {
      code: 'TOKENS_WITHOUT_END',
      message: 'A token that names no end ("exp") is good for ever: whoever finds one can use it.',
      remedy:
        'Set TOLLGATE_TOKEN_MAX_AGE_SECONDS to the longest life that a token of your app may have, such as 86400.',
    });
  },
});

/** What a start looks at too, one line each. */
const SETUP: readonly (readonly [SetupProblem['code'], string, string])[] = [
  ['NOT_ACTIVATED', 'order table', 'bound'],
  ['DEFINITIONS_CHANGED', 'ways around the rules', 'none'],
  ['PROTECTION_INCOMPLETE', 'protection of the tables', 'rows, definitions and the order table'],
  ['PLAN_INACTIVE', 'plan', 'includes payments'],
  ['FLOW_FILE', "callback flows' files", 'written'],
  ['FLOW_NOT_FINISHED', 'what the callback flows do', 'written for the order table, or yours'],
];

const setupChecks = (parts: DoctorParts): Check[] =>
  SETUP.map(([code, title, words]) => ({
    title,
    code,
    reach: 'local',
    run: async () =>
      foundAny(
        (await findSetupProblems(parts)).filter((problem) => problem.code === code),
        words,
      ),
  }));

const checkRenewals = (database: Database): Check => ({
  title: 'lowered charges',
  code: 'RENEWALS_UNKNOWN',
  reach: 'local',
  run: async () => foundAny(await renewalProblems(database), 'each is as its flow decided'),
});

/** Every check, in the order in which one would mend things. */
export const createChecks = (parts: DoctorParts): readonly Check[] => [
  ...databaseChecks(parts),
  ...setupChecks(parts),
  checkRedis(parts),
  checkFlows(parts),
  checkTokens(parts),
  ...stripeChecks(parts),
  ...booksChecks(parts),
  ...orderChecks(parts),
  ...workChecks(parts.database),
  checkRenewals(parts.database),
];

/** A line of the doctor's list. */
export interface Diagnosis {
  readonly title: string;
  readonly outcome: CheckOutcome;
}

/** Runs every check, one after the other, and tells each as it is known. It changes nothing. */
export const examine = async (
  checks: readonly Check[],
  tell: (diagnosis: Diagnosis) => void,
): Promise<readonly Diagnosis[]> => {
  const diagnoses: Diagnosis[] = [];
  for (const check of checks) {
    const diagnosis = { title: check.title, outcome: await runCheck(check) };
    tell(diagnosis);
    diagnoses.push(diagnosis);
  }
  return diagnoses;
};
