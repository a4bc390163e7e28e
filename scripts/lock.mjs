// One process at a time per checkout, also when the one that held the lock was killed.
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

const BEAT_MS = 2_000;
const STALE_MS = 30_000;
const POLL_MS = 100;

/** Runs `work` while no other process holds `file`; waits for its turn. A dead holder, or one without a heartbeat, is ignored. */
export const withLock = async (file, work) => {
  const token = JSON.stringify({ pid: process.pid, host: hostname(), id: randomUUID() });
  while (!take(file, token)) {
    removeStale(file);
    await delay(POLL_MS);
  }
  const heart = setInterval(() => beat(file), BEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(heart);
    if (read(file) === token) fs.rmSync(file, { force: true });
  }
};

const take = (file, token) => {
  try {
    fs.writeFileSync(file, token, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    return false;
  }
};

const beat = (file) => {
  const now = new Date();
  try {
    fs.utimesSync(file, now, now);
  } catch {
    // taken over by someone who believed us dead; the token check at the end sees it
  }
};

/** Moves the lock aside before it is removed: if it is not the one that was judged, it goes back. */
const removeStale = (file) => {
  const seen = read(file);
  if (seen === undefined || !isStale(file, seen)) return;
  const aside = `${file}.${randomUUID()}`;
  try {
    fs.renameSync(file, aside);
    if (read(aside) !== seen) fs.linkSync(aside, file);
  } catch {
    // someone else was faster
  } finally {
    fs.rmSync(aside, { force: true });
  }
};

const read = (file) => {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
};

const isStale = (file, content) => {
  const beatAt = fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
  if (Date.now() - beatAt > STALE_MS) return true;
  try {
    const { pid, host } = JSON.parse(content);
    return host === hostname() && !isAlive(pid);
  } catch {
    return false; // being written at this moment
  }
};

const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
};
