// npm run bench [-- webhooks latency pay live graphql memory | lists]: runs the benchmarks one after the other and writes bench/RESULTS.md.

import { runGraphql } from './graphql.mjs';
import { runLatency } from './latency.mjs';
import { runLists } from './lists.mjs';
import { runLive } from './live.mjs';
import { runMemory } from './memory.mjs';
import { runPay } from './pay.mjs';
import { writeResults } from './results.mjs';
import { runWebhooks } from './webhooks.mjs';

const BENCHMARKS = {
  webhooks: runWebhooks,
  latency: runLatency,
  pay: runPay,
  live: runLive,
  graphql: runGraphql,
  memory: runMemory,
};

/** Run where it is named: it fills millions of rows, which takes many minutes and gigabytes. */
const LARGE = { lists: runLists };
const ALL = { ...BENCHMARKS, ...LARGE };

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in ALL));
if (unknown.length > 0) {
  console.error(`There is no benchmark ${unknown.join(', ')}. There are: ${Object.keys(ALL).join(', ')}.`);
  process.exit(1);
}
for (const name of asked.length > 0 ? asked : Object.keys(BENCHMARKS)) {
  const startedAt = performance.now();
  const progress = (text) =>
    console.log(`${((performance.now() - startedAt) / 1_000).toFixed(0).padStart(4)} s  ${text}`);
  console.log(`\n${name}`);
  const section = await ALL[name](progress);
  console.log(`\n${writeResults(section)}\n`);
}
