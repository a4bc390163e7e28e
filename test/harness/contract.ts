import fs from 'node:fs';
import { createContractReport, readLog } from '../stripe-contract/contract.js';

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

/**
 * Checks everything that a sandbox was asked, answered and delivered against Stripe's contract. A wrong request counts
 * although the sandbox refused it: the product sends none. Throws with the violations, and when requests went unchecked.
 */
export const assertContract = async (sandboxUrl: string): Promise<void> => {
  const report = createContractReport();
  await report.addSandbox(sandboxUrl);
  const { total } = await readLog(`${sandboxUrl}/_sandbox/requests?limit=0`);
  const violations = [...report.violations, ...report.refused];
  recordContract({ requests: report.requests, counted: total, objects: report.objects, violations });
  if (violations.length > 0) throw new Error(`Stripe's contract is broken:\n${[...new Set(violations)].join('\n')}`);
  if (report.requests < total) throw new Error(`Only ${report.requests} of ${total} requests to Stripe were checked.`);
};
