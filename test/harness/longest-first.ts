import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What takes minutes and much of the processor, the longest first; a small file may well be one of them. */
const LONG = [
  'test/simulation/simulation.test.ts',
  'test/nouns/methods/crash.test.ts',
  'test/cli/cli.test.ts',
  'test/simulation/histories.test.ts',
  'test/docs/pages-run.test.ts',
];
/** What measures the clock of other processes, and waits more than it works: when those are over. */
const LATER = ['test/watchdog.test.ts'];

const isOneOf =
  (files: readonly string[]) =>
  ({ moduleId }: TestSpecification): boolean =>
    files.some((file) => moduleId.endsWith(file));

/** Begins with the files that take longest, so that none of them runs alone at the end; the others go on as Vitest sorts them. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const long = LONG.flatMap((file) => sorted.filter(isOneOf([file])));
    const later = sorted.filter(isOneOf(LATER));
    const others = sorted.filter((one) => !long.includes(one) && !later.includes(one));
    const half = Math.floor(others.length / 2);
    return [...long, ...others.slice(0, half), ...later, ...others.slice(half)];
  }
}
