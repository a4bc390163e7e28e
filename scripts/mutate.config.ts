import { readFileSync } from 'node:fs';
import { mergeConfig } from 'vitest/config';
import config from '../vitest.config.js';

const { TOLLGATE_MUTANT_OF: file, TOLLGATE_MUTANT: mutant } = process.env;

/** The tests as ever, with one source in another text: nothing is written where the sources are. */
export default mergeConfig(config, {
  plugins: [
    {
      name: 'mutant',
      enforce: 'pre',
      load: (id: string) => (id === file && mutant !== undefined ? readFileSync(mutant, 'utf8') : undefined),
    },
  ],
});
