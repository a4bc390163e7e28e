import path from 'node:path';
import { build } from 'esbuild';

/** Whether `npm test` has built the product: processes then run what users run, which also starts sooner. */
export const isBuilt = process.env['TOLLGATE_TEST_BUILT'] === '1';

/** A young heap that holds what a start makes: a run starts hundreds of processes. */
export const QUICK_START = ['--min-semi-space-size=16'] as const;

const CHECKOUT = path.resolve(import.meta.dirname, '../..');

/** The words for node that run a TypeScript file of the tests: beside the built product where there is one. */
export const wordsFor = async (source: string): Promise<string[]> => {
  if (!source.endsWith('.ts')) return [...QUICK_START, source];
  if (!isBuilt) return ['--import', 'tsx', source];
  const outfile = path.join(CHECKOUT, 'dist', `${path.relative(CHECKOUT, source).slice(0, -'.ts'.length)}.js`);
  await build({
    entryPoints: [source],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    // The product lies at the same place of dist as of the checkout.
    external: ['../../src/*', '../src/*'],
    logLevel: 'error',
  });
  return [...QUICK_START, outfile];
};
