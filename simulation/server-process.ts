import { pino } from 'pino';
import { readConfig } from '../src/config.js';
import { startTollgate } from '../src/main.js';
import { loadSampleFlows, observeAll, withoutTrouble } from './flows.js';
import { TIMING } from './server.js';

/** A server in a process of its own, whose flows write down that they ran; it prints its address and serves until it is killed. */
const tollgate = await startTollgate(readConfig(process.env), {
  log: pino({ level: process.env['LOG_LEVEL'] ?? 'silent' }, pino.destination(2)),
  flows: observeAll(await loadSampleFlows(), withoutTrouble(process.env['SIMULATION_EFFECT_URL'] ?? '')),
  ...TIMING,
});
process.on('SIGTERM', () => void tollgate.stop().then(() => process.exit(0)));
// Nobody is left to serve once the test that started it is gone.
process.on('disconnect', () => process.exit(1));
process.send?.(tollgate.url);
