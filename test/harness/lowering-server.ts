import { readConfig } from '../../src/config.js';
import { welcome } from '../../src/embedded/welcome.js';
import { loadFlows } from '../../src/flows/flow-loader.js';
import { createLogger } from '../../src/logger.js';
import { startTollgate } from '../../src/main.js';
import './crash-points.js';

/** A server that kills itself where TOLLGATE_CRASH_AT says, and whose flow lowers later charges to TOLLGATE_LOWERED. */
const config = readConfig(process.env, false);
const flows = await loadFlows(config.flowFolder);
const amount = Number(process.env['TOLLGATE_LOWERED']);
const tollgate = await startTollgate(config, {
  log: createLogger(config.log),
  flows: { ...flows, recurringCharge: { ...flows.recurringCharge, amount: () => amount } },
});
process.on('SIGTERM', () => void tollgate.stop().then(() => process.exit(0)));
process.stdout.write(welcome(config, tollgate, { tookMs: 0, isBuilt: false }));
