import fs from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { type ContractReport, createContractReport, readLog } from '../stripe-contract/contract.js';

/** What was checked, for the run's last lines. */
interface Tally {
  readonly requests: number;
  /** Requests that the sandbox itself counted. */
  readonly counted: number;
  readonly objects: number;
  readonly violations: readonly string[];
}

/** Adds to the tally of the run, which scripts/test.mjs prints; a run by vitest alone keeps none. */
export const recordContract = (tally: Tally): void => {
  const file = process.env['TOLLGATE_TEST_CONTRACT'];
  if (file) fs.appendFileSync(file, `${JSON.stringify(tally)}\n`);
};

const ANSWERED_MS = 10_000;
const LOOK_MS = 100;

/** Checks what a sandbox was asked up to now; what is still being answered is waited for. */
const checkAll = async (sandboxUrl: string, deadline: number): Promise<{ report: ContractReport; counted: number }> => {
  // Counted first: a server that still runs may ask more while the log is read.
  const { total } = await readLog(`${sandboxUrl}/_sandbox/requests?limit=0`);
  const report = createContractReport();
  await report.addSandbox(sandboxUrl);
  if (report.requests >= total || performance.now() > deadline) return { report, counted: total };
  await delay(LOOK_MS);
  return checkAll(sandboxUrl, deadline);
};

/**
 * Checks everything that a sandbox was asked, answered and delivered against Stripe's contract. A wrong request counts
 * although the sandbox refused it: the product sends none. Throws with the violations, and when requests went unchecked.
 */
export const assertContract = async (sandboxUrl: string): Promise<void> => {
  const { report, counted } = await checkAll(sandboxUrl, performance.now() + ANSWERED_MS);
  const violations = [...report.violations, ...report.refused];
  recordContract({ requests: report.requests, counted, objects: report.objects, violations });
  if (violations.length > 0) throw new Error(`Stripe's contract is broken:\n${[...new Set(violations)].join('\n')}`);
  if (report.requests < counted)
    throw new Error(`Only ${report.requests} of ${counted} requests to Stripe were checked.`);
};
