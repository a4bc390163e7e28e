import { createInFlight } from '../core/in-flight.js';
import type { Examination, Finding, Problems } from '../installation/problems.js';
import { type Check, type CheckOutcome, ok, runCheck } from './checks.js';
import { type Diagnosis, examine } from './doctor.js';

const KEPT_MS: Readonly<Record<Check['reach'], number>> = { local: 2_000, scan: 600_000, outside: 60_000 };
/** The list doesn't wait longer for the outside; what comes later is in the next one. */
const PATIENCE_MS = 2_500;

/** Runs the check only when its last answer is older than is kept; calls at the same time share one run. */
const kept = (check: Check): ((anew?: boolean) => Promise<CheckOutcome>) => {
  let last: { answer: Promise<CheckOutcome>; at: number } | undefined;
  return (anew = false) => {
    if (anew || !last || performance.now() - last.at > KEPT_MS[check.reach])
      last = { answer: runCheck(check), at: performance.now() };
    return last.answer;
  };
};

const inTime = async (outcome: Promise<CheckOutcome>): Promise<CheckOutcome> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<CheckOutcome>((resolve) => {
    timer = setTimeout(() => resolve(ok('not known yet')), PATIENCE_MS);
  });
  return Promise.race([outcome, late]).finally(() => clearTimeout(timer));
};

const findingsOf = (outcomes: readonly CheckOutcome[]): Finding[] =>
  outcomes.flatMap((outcome) => ('findings' in outcome ? [...outcome.findings] : []));

const toExamination = ({ title, asks, outcome }: Diagnosis): Examination =>
  'ok' in outcome
    ? { title, asks, detail: outcome.ok, warning: outcome.warning ?? null, problems: [] }
    : { title, asks, detail: null, warning: null, problems: outcome.findings };

/** Builds the list over the doctor's checks; where the data don't tell since when, it is since it was first seen here. */
export const createProblems = (checks: readonly Check[]): Problems => {
  const runs = checks.map((check) => ({ check, run: kept(check) }));
  let firstSeen = new Map<string, Date>();
  const inFlight = createInFlight<readonly Examination[]>();
  return {
    // The database is asked each time: what is kept of it is for the list, which would be told what was so a moment ago.
    findings: async ({ anew }) =>
      findingsOf(
        await Promise.all(runs.map(({ check, run }) => (check.reach === 'local' ? runCheck(check) : run(anew)))),
      ),
    examine: () => inFlight('', async () => (await examine(checks, () => undefined)).map(toExamination)),
    async list() {
      const findings = findingsOf(await Promise.all(runs.map(({ run }) => inTime(run()))));
      const seen = new Map<string, Date>();
      const problems = findings.map(({ subject: _, ...finding }) => {
        const key = `${finding.code} ${finding.message}`;
        const since = finding.since ?? firstSeen.get(key) ?? new Date();
        seen.set(key, since);
        return { ...finding, since };
      });
      firstSeen = seen;
      return problems;
    },
  };
};
