import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  // graphql 16 has no "exports": without this, sources and dependencies load two copies of it.
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/harness/global-setup.ts'],
    // Much of the suite waits for outages and clocks, so one file more than there are cores keeps them busy.
    maxWorkers: Math.max(2, availableParallelism() + 1),
    // Generous, since a busy machine may be ten times slower; what must be fast is measured inside its test.
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
