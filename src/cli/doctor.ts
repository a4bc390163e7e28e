import type { Command } from 'commander';
import { type Config, ConfigError } from '../config.js';
import { type Check, found } from '../doctor/checks.js';
import { type Diagnosis, examine } from '../doctor/doctor.js';
import type { Finding } from '../installation/problems.js';
import { createOutput, type JsonOption } from './output.js';
import { NoTablesError, withIndependentChecks, withParts } from './parts.js';
import { commandConfig } from './workspace.js';

const describe = ({ title, asks, outcome }: Diagnosis): string => {
  const line = (kind: string, { code, message, remedy }: Finding): string =>
    `${kind}  ${title}: ${message} [${code}]\n         Asked: ${asks}.\n         ${remedy}`;
  if ('findings' in outcome) return outcome.findings.map((finding) => line('PROBLEM', finding)).join('\n');
  return outcome.warning ? line('WARNING', outcome.warning) : `ok       ${title}: ${outcome.ok} (asked: ${asks})`;
};

const toJson = ({ title, asks, outcome }: Diagnosis): object =>
  'ok' in outcome
    ? { title, asks, ok: true, detail: outcome.ok, ...(outcome.warning && { warning: outcome.warning }) }
    : { title, asks, ok: false, problems: outcome.findings };

/** What keeps the database from being asked; undefined for any other failure. */
const databaseFinding = (error: unknown): Finding | undefined => {
  if (error instanceof NoTablesError)
    return {
      code: 'MIGRATIONS_PENDING',
      message: 'The database has no tables of Tollgate yet.',
      remedy: 'Run "npx tollgate migrate".',
    };
  if (!(error instanceof ConfigError)) return undefined;
  const [problem] = error.problems;
  return problem && problem.variable === 'DATABASE_URL'
    ? { code: 'DATABASE_UNREACHABLE', message: `DATABASE_URL ${problem.problem}.`, remedy: problem.remedy }
    : undefined;
};

interface Examined {
  readonly diagnoses: readonly Diagnosis[];
  readonly reachesStripe: boolean;
}

type Tell = (diagnosis: Diagnosis) => void;

/** The checks that need no database: more than one thing may be wrong. */
const examineRest = (config: Config, finding: Finding, tell: Tell): Promise<Examined> => {
  const database: Check = {
    title: 'database',
    asks: config.embedded ? 'the embedded database' : 'DATABASE_URL, as the server would use it',
    code: finding.code,
    reach: 'local',
    run: async () => found(finding),
  };
  return withIndependentChecks(config, async (checks) => ({
    diagnoses: await examine([database, ...checks], tell),
    reachesStripe: true,
  }));
};

const examineAll = async (tell: Tell): Promise<Examined> => {
  const config = commandConfig();
  try {
    return await withParts(async ({ checks, reachesStripe }) => ({
      diagnoses: await examine(checks, tell),
      reachesStripe,
    }));
  } catch (error) {
    const finding = databaseFinding(error);
    if (!finding) throw error;
    return examineRest(config, finding, tell);
  }
};

const runDoctor = async ({ json = false }: JsonOption): Promise<void> => {
  // Each line as it is known: Stripe and the network take their time.
  const tell = (diagnosis: Diagnosis): void => {
    if (!json) process.stdout.write(`${describe(diagnosis)}\n`);
  };
  const { diagnoses, reachesStripe } = await examineAll(tell);
  const problems = diagnoses.flatMap(({ outcome }) => ('ok' in outcome ? [] : outcome.findings));
  const output = createOutput({ json });
  if (!reachesStripe) output.progress('The embedded run is not up: its sandbox and its address were not looked at.');
  output.data(
    { ok: problems.length === 0, checks: diagnoses.map(toJson) },
    problems.length === 0 ? 'All is well.' : `${problems.length} problem(s) to mend.`,
  );
  if (problems.length > 0) process.exitCode = 1;
};

/** Adds the command that checks everything and names the remedies. */
export const addDoctorCommand = (program: Command): void => {
  program
    .command('doctor')
    .description('look at the database, Stripe, Redis, the flows and stuck work; exit 1 with a remedy for each problem')
    .option('--json', 'print the checks as JSON')
    .action(runDoctor);
};
