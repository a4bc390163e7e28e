import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What takes a minute or longer, the longest first; a small file may well be one of them. */
const LONG = ['test/simulation/simulation.test.ts', 'test/watchdog.test.ts', 'test/cli/cli.test.ts'];

const rankOf = ({ moduleId }: TestSpecification): number => {
  const at = LONG.findIndex((file) => moduleId.endsWith(file));
  return at === -1 ? LONG.length : at;
};

/** Begins with the files that take longest, so that none of them runs alone at the end; the others go on as Vitest sorts them. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).sort((a, b) => rankOf(a) - rankOf(b));
  }
}
