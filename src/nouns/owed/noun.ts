import type { Built, Machine, Noun } from '../noun.js';
import { renewals } from '../renewals/noun.js';
import { defineOwedFlow } from './graphql.js';
import { createOwedFlows } from './run.js';

const build = (machine: Machine): Built => {
  const { database, orders, flows, log } = machine;
  const owedFlows = createOwedFlows({ database, orders, flows, charges: machine.use(renewals).owedCharges, log });
  return {
    parts: undefined,
    domain: { owedFlows },
    jobs: [{ name: 'owed flows', run: () => owedFlows.runDue() }],
  };
};

/** Flows whose changes were applied without them. Their rows are the flows' own. */
export const owed: Noun = {
  name: 'owed',
  entities: [],
  eventTypes: [],
  define: defineOwedFlow,
  build,
};
