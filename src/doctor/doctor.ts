import type { FlowFiles } from '../flows/flow-files.js';
import type { Vault } from '../installation/encryption.js';
import type { Plans } from '../installation/plan.js';
import type { Finding } from '../installation/problems.js';
import type { KeyStore } from '../installation/stripe-keys.js';
import type { WebhookEndpoints } from '../installation/webhook-endpoint.js';
import { disputeProblems } from '../nouns/disputes/problems.js';
import { owedFlowProblems } from '../nouns/owed/problems.js';
import { renewalProblems } from '../nouns/renewals/problems.js';
import type { Orders } from '../orders/orders.js';
import type { Entities } from '../storage/data-source.js';
import type { Database } from '../storage/database.js';
import type { StripeGateway } from '../stripe/gateway.js';
import { booksChecks } from './books-checks.js';
import { type Check, type CheckOutcome, found, foundAny, ok, runCheck, warned } from './checks.js';
import { databaseChecks } from './database-checks.js';
import { orderChecks } from './orders-checks.js';
import { findSetupProblems, type SetupProblem } from './setup-problems.js';
import { stripeChecks } from './stripe-checks.js';
import { workChecks } from './work-checks.js';

/** How Redis is asked. */
export interface RedisParts {
  /** Its address, without the password. */
  readonly shown: string;
  /** Does what the server does with Redis, and says why it can't; undefined where it can. */
  readonly refusal: () => Promise<Pick<Finding, 'message' | 'remedy'> | undefined>;
  /** Sends a message and waits for it, in milliseconds. */
  readonly roundTrip: () => Promise<number>;
}

/** All that the checks ask. */
export interface DoctorParts {
  readonly database: Database;
  readonly databaseUrl: string;
  /** The tables as the code knows them. */
  readonly entities: Entities;
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
  /** Left out: there is no Redis. */
  readonly redis: RedisParts | undefined;
  /** How long a caller's token is good at most; undefined: as long as it says. A demo's tokens are its own. */
  readonly tokens: { readonly isDemo: boolean; readonly maxAgeSeconds: number | undefined };
  /** Loads the callback flows; rejects, naming the file, when one can't be used. */
  readonly loadFlows: () => Promise<unknown>;
}

const checkRedis = ({ redis }: Pick<DoctorParts, 'redis'>): Check => ({
  title: 'Redis round trip',
  asks: redis ? `everything that the server does, and a message there and back, of ${redis.shown}` : 'REDIS_URL',
  code: 'REDIS_UNREACHABLE',
  reach: 'local',
  async run() {
    if (!redis) return ok('not used: REDIS_URL is not set, so one process serves alone');
    const refusal = await redis.refusal();
    if (refusal)
      return found({
        code: 'REDIS_UNREACHABLE',
        message: `${refusal.message} Clients of other processes hear late meanwhile: from the database.`,
        remedy: refusal.remedy,
      });
    return ok(`${(await redis.roundTrip()).toFixed(0)} ms`);
  },
});

const checkFlows = ({ loadFlows }: Pick<DoctorParts, 'loadFlows'>): Check => ({
  title: 'callback flows',
  asks: 'every file of the flows, by loading it',
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

const checkTokens = ({ tokens: { isDemo, maxAgeSeconds } }: Pick<DoctorParts, 'tokens'>): Check => ({
  title: "callers' tokens",
  asks: 'TOLLGATE_TOKEN_MAX_AGE_SECONDS',
  code: 'TOKENS_WITHOUT_END',
  reach: 'local',
  async run() {
    if (maxAgeSeconds !== undefined) return ok(`end ${maxAgeSeconds} s after they were issued, at the latest`);
    if (isDemo) return ok('those of the demo end after a day');
    return warned('as long as they say', {
      code: 'TOKENS_WITHOUT_END',
      message: 'A token without an expiry ("exp") is valid for ever: anyone who finds one can use it.',
      remedy:
        'Set TOLLGATE_TOKEN_MAX_AGE_SECONDS to the longest life that a token of your app may have, such as 86400.',
    });
  },
});

/** What a start looks at too, one line each. */
const SETUP: readonly (readonly [SetupProblem['code'], string, string, string])[] = [
  ['NOT_ACTIVATED', 'order table', 'tollgate.order_binding', 'bound'],
  ['DEFINITIONS_CHANGED', 'ways around the rules', "PostgreSQL's catalogs", 'none'],
  [
    'PROTECTION_INCOMPLETE',
    'protection of the tables',
    'the triggers and event triggers in the catalogs',
    'rows, definitions and the order table',
  ],
  ['PLAN_INACTIVE', 'plan', 'tollgate.setting', 'includes payments'],
  ['FLOW_FILE', "callback flows' files", 'the folder of the flows, beside what activate would write', 'written'],
  [
    'FLOW_NOT_FINISHED',
    'what the callback flows do',
    "the files' text, beside what activate would write",
    'written for the order table, or yours',
  ],
];

const setupChecks = (parts: DoctorParts): Check[] =>
  SETUP.map(([code, title, asks, words]) => ({
    title,
    asks,
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
  asks: 'tollgate.renewal',
  code: 'RENEWALS_UNKNOWN',
  reach: 'local',
  run: async () => foundAny(await renewalProblems(database), 'each is as its flow decided'),
});

const checkDisputes = (database: Database): Check => ({
  title: 'disputes',
  asks: 'tollgate.dispute',
  code: 'DISPUTES_UNKNOWN',
  reach: 'local',
  run: async () => foundAny(await disputeProblems(database), 'none needs a response'),
});

const checkOwedFlows = (database: Database): Check => ({
  title: 'flows that are owed',
  asks: 'tollgate.owed_flow',
  code: 'FLOW_OWED',
  reach: 'local',
  run: async () => foundAny(await owedFlowProblems(database), 'none'),
});

/** What can be asked without the database. */
export const independentChecks = (parts: Pick<DoctorParts, 'redis' | 'loadFlows' | 'tokens'>): readonly Check[] => [
  checkRedis(parts),
  checkFlows(parts),
  checkTokens(parts),
];

/** Every check, in the order in which one would fix problems. */
export const createChecks = (parts: DoctorParts): readonly Check[] => [
  ...databaseChecks(parts),
  ...setupChecks(parts),
  ...independentChecks(parts),
  ...stripeChecks(parts),
  ...booksChecks(parts),
  ...orderChecks(parts),
  ...workChecks(parts.database),
  checkRenewals(parts.database),
  checkDisputes(parts.database),
  checkOwedFlows(parts.database),
];

/** A line of the doctor's list. */
export interface Diagnosis {
  readonly title: string;
  readonly asks: string;
  readonly outcome: CheckOutcome;
}

/** Runs every check in turn and reports each result as it arrives. It changes nothing. */
export const examine = async (
  checks: readonly Check[],
  tell: (diagnosis: Diagnosis) => void,
): Promise<readonly Diagnosis[]> => {
  const diagnoses: Diagnosis[] = [];
  for (const check of checks) {
    const diagnosis = { title: check.title, asks: check.asks, outcome: await runCheck(check) };
    tell(diagnosis);
    diagnoses.push(diagnosis);
  }
  return diagnoses;
};
