import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/browser/*.browser.mjs'],
    globalSetup: ['test/harness/global-setup.ts'],
    // Each file has a server, a sandbox and a browser of its own.
    maxWorkers: 2,
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
