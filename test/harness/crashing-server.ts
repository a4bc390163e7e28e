import { run } from '../../src/main.js';
import './crash-points.js';

/** A server that kills itself where TOLLGATE_CRASH_AT says. */
await run();
