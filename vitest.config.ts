import { availableParallelism } from 'node:os';
import path from 'node:path';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/harness/longest-first.js';

export default defineConfig({
  // graphql 16 has no "exports": without this, sources and dependencies load two copies of it.
  // The sample's flows are tested with the sources of what they import.
  resolve: {
    alias: [
      { find: /^graphql$/, replacement: 'graphql/index.js' },
      { find: /^tollgate\/flows$/, replacement: path.join(import.meta.dirname, 'src/flows/define.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/harness/global-setup.ts'],
    // Nothing of ours keeps state in a module, so that the files of a worker can share what it has loaded.
    isolate: false,
    execArgv: ['--min-semi-space-size=32'],
    // Much of the suite waits for outages and clocks, so two files more than there are cores keep them busy.
    maxWorkers: Math.max(2, availableParallelism() + 2),
    sequence: { sequencer: LongestFirst },
    // Stories that are simulated at once share the cores with everything else.
    maxConcurrency: 3,
    // Generous, since a busy machine may be ten times slower; what must be fast is measured inside its test.
    testTimeout: 180_000,
    hookTimeout: 120_000,
  },
});
