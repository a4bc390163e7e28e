// Tells scripts/test.mjs how many tests passed, failed and were skipped. What broke without being a test, a file that could
// not be loaded or an error nobody caught, counts as failed. A group that names why it is skipped is told by that name.
import fs from 'node:fs';

export default class CountReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0, skippedGroups: [] };
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      for (const suite of module.children.allSuites())
        if (suite.name.includes('(skipped: ')) counts.skippedGroups.push(suite.name);
      for (const test of tests) {
        const { state } = test.result();
        counts[state === 'passed' || state === 'failed' ? state : 'skipped'] += 1;
      }
      if (module.state() === 'failed' && !tests.some((test) => test.result().state === 'failed')) counts.failed += 1;
    }
    const file = process.env['TOLLGATE_TEST_COUNTS'];
    if (file) fs.writeFileSync(file, JSON.stringify(counts));
  }
}
