import { readFileSync } from 'node:fs';
import { mergeConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import config from '../vitest.config.js';

const { TOLLGATE_MUTANT_OF: file, TOLLGATE_MUTANT: mutant, TOLLGATE_MUTANT_REPORT: report } = process.env;
const { TOLLGATE_MUTANT_TESTS: tests = '' } = process.env;

/** As they are listed: what the quick ones notice needs no other. */
class QuickFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const listed = tests.split(' ');
    const placeOf = ({ moduleId }: TestSpecification): number => listed.findIndex((words) => moduleId.includes(words));
    return (await super.sort(files)).sort((a, b) => placeOf(a) - placeOf(b));
  }
}

/** The tests as ever, with one source in another text: nothing is written where the sources are. With a report, all of its mutants are in it. */
export default mergeConfig(config, {
  plugins: [
    {
      name: 'mutant',
      enforce: 'pre',
      load: (id: string) => (id === file && mutant !== undefined ? readFileSync(mutant, 'utf8') : undefined),
    },
  ],
  test: {
    // One process, which knows what is wrong at the moment.
    maxWorkers: 1,
    sequence: { sequencer: QuickFirst },
    // They kill processes of their own, which run what was built.
    exclude: ['**/crash.test.ts', '**/node_modules/**'],
    ...(report !== undefined && { runner: './scripts/mutant-runner.ts' }),
  },
});
