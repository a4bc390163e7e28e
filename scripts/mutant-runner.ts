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

/** A test that takes longer decides about no mutant, and one that waits so much longer than it did has noticed one. */
const LONGEST_MS = 8_000;
const PATIENCE_MS = 15_000;

const { TOLLGATE_MUTANT_REPORT: report = '', TOLLGATE_MUTANT_COUNT: count } = process.env;

/**
 * Plays each test once more for every mutant that it reaches and that nobody has noticed. One that noticed is played without any
 * mutant afterwards: if it fails then too, what it said of the mutant counts for nothing, and the test is left out.
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
    if (usualMs > LONGEST_MS || !(await this.passes(test, usualMs))) {
      this.leaveOut(test, candidates);
      return;
    }
    for (const [at, id] of candidates.entries()) {
      this.note({ id, is: 'tried', by: test.fullTestName });
      this.active = id;
      const isSurvivor = await this.passes(test, usualMs);
      this.active = undefined;
      if (isSurvivor) {
        this.note({ id, is: 'reached' });
        continue;
      }
      const isHonest = await this.passes(test, usualMs);
      this.note({ id, is: isHonest ? 'noticed' : 'reached', by: test.fullTestName });
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

  private async passes(test: Test, usualMs: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('It took too long.')), usualMs + PATIENCE_MS);
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
    }
  }

  private async play(test: Test): Promise<void> {
    const suites: Suite[] = [];
    for (let suite: Suite | undefined = test.suite ?? test.file; suite; suite = suite.suite ?? undefined)
      suites.unshift(suite);
    for (const suite of suites)
      for (const hook of VitestTestRunner.getSuiteHooks(suite).beforeEach) await hook(test.context, suite);
    await VitestTestRunner.getTestFn(test)();
  }
}
