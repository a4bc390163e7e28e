import { appendFileSync, readFileSync } from 'node:fs';
import type { Suite, Test } from 'vitest';
import { VitestTestRunner } from 'vitest/runners';

/** A line of the report that the run and scripts/mutate.mjs write together; the latest about a mutant counts. */
interface Line {
  readonly id: number;
  readonly is: 'static' | 'reached' | 'tried' | 'noticed';
  readonly by?: string;
}

/** A test that can't be played again, or takes too long, and the mutants that it reaches: each has to be tried with it alone. */
interface LeftOut {
  readonly file: string;
  readonly leftOut: string;
  readonly ids: readonly number[];
}

/** A test that takes longer decides about no mutant, and one that takes twice as long as it did and so much more has noticed one. */
const LONGEST_MS = 3_000;
const PATIENCE_MS = 4_000;

const { TOLLGATE_MUTANT_REPORT: report = '', TOLLGATE_MUTANT_COUNT: count } = process.env;

/** The test's file, and its suites from the outermost in. */
const suitesOf = (test: Test): Suite[] => {
  const suites: Suite[] = [];
  for (let suite: Suite = test.suite ?? test.file; !suites.includes(suite); suite = suite.suite ?? suite.file)
    suites.unshift(suite);
  return suites;
};

/**
 * Plays each test once more for every mutant that it reaches and that nobody has noticed. One that noticed is played without any
 * mutant afterwards, and with it again: what an earlier mutant left behind is not to count for this one. If it fails without any too,
 * twice, what it said counts for nothing, and the test is left out.
 */
// biome-ignore lint/style/noDefaultExport: Vitest takes a runner so.
export default class MutantRunner extends VitestTestRunner {
  private active: number | undefined;
  private readonly reached = new Set<number>();
  private readonly known = new Map<number, Line['is']>();
  private last: Promise<unknown> = Promise.resolve();

  constructor(...given: ConstructorParameters<typeof VitestTestRunner>) {
    super(...given);
    for (const text of readFileSync(report, 'utf8').split('\n').filter(Boolean)) {
      const line = JSON.parse(text) as Line | LeftOut;
      if ('id' in line) this.known.set(line.id, line.is);
    }
    Object.assign(globalThis, {
      isMutant: (id: number): boolean => {
        this.reached.add(id);
        return this.active === id;
      },
    });
  }

  private note(line: Line): void {
    this.known.set(line.id, line.is);
    appendFileSync(report, `${JSON.stringify(line)}\n`);
  }

  /** What was reached by now was so as the modules were loaded: it can't be made wrong afterwards. */
  onCollected(): void {
    // Of the files after the first, jobs of the one before may still be at it.
    if (this.known.size === 0) for (const id of this.reached) this.note({ id, is: 'static' });
    this.reached.clear();
  }

  /** One at a time, whatever the file says: what is wrong at the moment is so for everybody. */
  async runTask(test: Test): Promise<void> {
    const before = this.last;
    const running = (async () => {
      await before;
      await this.playAll(test);
    })();
    this.last = running.catch(() => undefined);
    await running;
  }

  private async playAll(test: Test): Promise<void> {
    // Nobody is left to look for.
    if ([...this.known.values()].filter((is) => is === 'noticed' || is === 'static').length >= Number(count)) return;
    this.reached.clear();
    const startedAt = performance.now();
    await VitestTestRunner.getTestFn(test)();
    const usualMs = performance.now() - startedAt;
    const candidates = [...this.reached].filter((id) => ['reached', undefined].includes(this.known.get(id)));
    for (const id of candidates) if (!this.known.has(id)) this.note({ id, is: 'reached' });
    if (candidates.length === 0) return;
    await this.endHooks(test);
    if (usualMs > LONGEST_MS || !(await this.passes(test, usualMs))) this.leaveOut(test, candidates);
    else await this.tryAll(test, candidates, usualMs);
    // What Vitest itself ends after the test.
    await this.beginHooks(test);
  }

  private async tryAll(test: Test, candidates: readonly number[], usualMs: number): Promise<void> {
    for (const [at, id] of candidates.entries()) {
      this.note({ id, is: 'tried', by: test.fullTestName });
      if (await this.passes(test, usualMs, id)) {
        this.note({ id, is: 'reached' });
        continue;
      }
      // What it left unfinished, an event that is sent again say, may come to its end in the first one after it.
      const isHonest = (await this.passes(test, usualMs)) || (await this.passes(test, usualMs));
      const isNoticed = isHonest && !(await this.passes(test, usualMs, id));
      this.note({ id, is: isNoticed ? 'noticed' : 'reached', by: test.fullTestName });
      if (!isHonest) {
        this.leaveOut(test, candidates.slice(at));
        return;
      }
    }
  }

  private leaveOut(test: Test, ids: readonly number[]): void {
    const line: LeftOut = { file: test.file.filepath, leftOut: test.fullTestName, ids };
    appendFileSync(report, `${JSON.stringify(line)}\n`);
  }

  private async passes(test: Test, usualMs: number, mutant?: number): Promise<boolean> {
    this.active = mutant;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('It took too long.')), 2 * usualMs + PATIENCE_MS);
    });
    try {
      this.onBeforeTryTask(test);
      await Promise.race([this.play(test), late]);
      this.onAfterTryTask(test);
      return true;
    } catch {
      return false;
    } finally {
      clearTimeout(timer);
      this.active = undefined;
    }
  }

  private async play(test: Test): Promise<void> {
    try {
      await this.beginHooks(test);
      await VitestTestRunner.getTestFn(test)();
    } finally {
      await this.endHooks(test);
    }
  }

  /** The hooks of the file, then those of its suites, as Vitest runs them. */
  private async beginHooks(test: Test): Promise<void> {
    for (const suite of suitesOf(test))
      for (const hook of VitestTestRunner.getSuiteHooks(suite).beforeEach) await hook(test.context, suite);
  }

  private async endHooks(test: Test): Promise<void> {
    for (const suite of suitesOf(test).reverse())
      for (const hook of VitestTestRunner.getSuiteHooks(suite).afterEach.toReversed()) await hook(test.context, suite);
  }
}
