// Outlives the test run to clean up after it. It reads one instruction a line from its standard input; when that ends, however
// the run ended, it kills the processes still watched, stops the test cluster and removes its folder.
import fs from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';

const watched = new Set();
const clusters = new Set();

const signal = (pid, name) => {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
};

const readNote = (file) => {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return '';
  }
};

/** The database may live elsewhere, where its user couldn't reach the folder it was given. */
const homesOf = (dataDir) => {
  const note = readNote(path.join(dataDir, 'location.json'));
  return note ? [JSON.parse(note).cluster, dataDir] : [dataDir];
};

const remove = async (dataDir) => {
  for (const home of homesOf(dataDir)) {
    const pid = Number.parseInt(readNote(path.join(home, 'cluster', 'postmaster.pid')), 10);
    for (let tries = 0; pid > 0 && signal(pid, 'SIGQUIT') && tries < 200; tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 25));
    fs.rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  }
};

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => undefined);

for await (const line of createInterface({ input: process.stdin })) {
  const { watch, forget, cluster } = JSON.parse(line);
  if (watch) watched.add(watch);
  if (forget) watched.delete(forget);
  if (cluster) clusters.add(cluster);
}
for (const pid of watched) signal(pid, 'SIGKILL');
for (const dataDir of clusters) await remove(dataDir);
