import type { Built, Machine, Noun } from '../noun.js';
import { payments } from '../payments/noun.js';
import { refunds } from '../refunds/noun.js';
import { createQuarantine } from './decide.js';
import { defineQuarantine } from './graphql.js';
import { createSendBack } from './send-back.js';

const build = (machine: Machine): Built => {
  const { database, connection, log } = machine;
  const { transitions, attempts, refunds: reads, publish } = machine.use(refunds);
  const quarantine = createQuarantine({
    database,
    connection,
    payments: machine.use(payments).transitions,
    refunds: transitions,
    attempts,
    reads,
    publish,
  });
  return {
    parts: undefined,
    domain: { quarantine },
    jobs: [{ name: 'money policy', run: createSendBack({ database, quarantine, log }) }],
  };
};

/** Money that was set aside: what is decided of it, by people or by the policy. Its rows are the payments'. */
export const quarantine: Noun = {
  name: 'quarantine',
  entities: [],
  eventTypes: [],
  define: defineQuarantine,
  build,
};
