// npm run bench [-- webhooks latency pay live graphql memory]: runs the benchmarks one after the other and writes bench/RESULTS.md.

import { runGraphql } from './graphql.mjs';
import { runLatency } from './latency.mjs';
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

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in BENCHMARKS));
if (unknown.length > 0) {
  console.error(`There is no benchmark ${unknown.join(', ')}. There are: ${Object.keys(BENCHMARKS).join(', ')}.`);
  process.exit(1);
}
for (const name of asked.length > 0 ? asked : Object.keys(BENCHMARKS)) {
  const startedAt = performance.now();
  const progress = (text) =>
    console.log(`${((performance.now() - startedAt) / 1_000).toFixed(0).padStart(4)} s  ${text}`);
  console.log(`\n${name}`);
  const section = await BENCHMARKS[name](progress);
  console.log(`\n${writeResults(section)}\n`);
}
