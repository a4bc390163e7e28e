import { startSandbox } from '../../sandbox/sandbox.js';

// A sandbox in a process of its own, to be killed by a test.
const dataFile = process.argv[2];
if (dataFile === undefined) throw new Error('The data file is missing.');
const { port } = await startSandbox({ port: 0, dataFile });
process.send?.(port);
