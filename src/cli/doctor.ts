import type { Command } from 'commander';
import type { Finding } from '../doctor/checks.js';
import { type Diagnosis, examine } from '../doctor/doctor.js';
import { createOutput, type JsonOption } from './output.js';
import { withParts } from './parts.js';

const describe = ({ title, outcome }: Diagnosis): string => {
  const line = (kind: string, { code, message, remedy }: Finding): string =>
    `${kind}  ${title}: ${message} [${code}]\n         ${remedy}`;
  if ('findings' in outcome) return outcome.findings.map((finding) => line('PROBLEM', finding)).join('\n');
  return outcome.warning ? line('WARNING', outcome.warning) : `ok       ${title}: ${outcome.ok}`;
};

const toJson = ({ title, outcome }: Diagnosis): object =>
  'ok' in outcome
    ? { title, ok: true, detail: outcome.ok, ...(outcome.warning && { warning: outcome.warning }) }
    : { title, ok: false, problems: outcome.findings };

const runDoctor = async ({ json = false }: JsonOption): Promise<void> => {
  // Each line as it is known: Stripe and the network take their time.
  const tell = (diagnosis: Diagnosis): void => {
    if (!json) process.stdout.write(`${describe(diagnosis)}\n`);
  };
  const { diagnoses, reachesStripe } = await withParts(async ({ checks, reachesStripe: reaches }) => ({
    diagnoses: await examine(checks, tell),
    reachesStripe: reaches,
  }));
  const problems = diagnoses.flatMap(({ outcome }) => ('ok' in outcome ? [] : outcome.findings));
  const output = createOutput({ json });
  if (!reachesStripe) output.progress('The embedded run is not up: its sandbox and its address were not looked at.');
  output.data(
    { ok: problems.length === 0, checks: diagnoses.map(toJson) },
    problems.length === 0 ? 'All is well.' : `${problems.length} problem(s) to mend.`,
  );
  if (problems.length > 0) process.exitCode = 1;
};

/** Adds the command that looks at everything and says what to mend. */
export const addDoctorCommand = (program: Command): void => {
  program
    .command('doctor')
    .description('look at the database, Stripe, Redis, the flows and stuck work; exit 1 with a remedy for each problem')
    .option('--json', 'print the checks as JSON')
    .action(runDoctor);
};
