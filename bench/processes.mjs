// Programs that a benchmark starts, each in a process of its own, and stops again.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';

const READY_MS = 30_000;
const folder = import.meta.dirname;

/**
 * Starts a node script and resolves with its address: the first one that it prints. Its further output is dropped, errors
 * are shown. `stop` asks it to end and waits.
 */
export const startServer = async (script, { environment = {}, nodeOptions = [] } = {}) => {
  const child = spawn(process.execPath, [...nodeOptions, path.resolve(folder, script)], {
    env: { PATH: process.env['PATH'], NODE_ENV: 'production', ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await firstMatch(child, /http:\/\/[\d.]+:\d+/, script);
  child.stdout.resume();
  return {
    url,
    pid: child.pid,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
};

/** Resolves with what of the child's lines matches first; rejects when it ends or stays silent instead. */
export const firstMatch = (child, pattern, name) =>
  new Promise((resolve, reject) => {
    const lines = createInterface({ input: child.stdout });
    const timer = setTimeout(() => child.kill('SIGKILL'), READY_MS);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${name} ended (${code}) before it was ready.`)));
    lines.on('line', (line) => {
      const found = pattern.exec(line);
      if (!found) return;
      clearTimeout(timer);
      lines.removeAllListeners('line');
      lines.close();
      resolve(found[0]);
    });
  });

const TICKS_PER_SECOND = 100;

/**
 * Milliseconds of processor time that a process and those that it started have used, the ended ones too; undefined where the
 * system has no /proc. Unlike a rate it hardly depends on what else the machine does.
 */
export const processorMs = (pid) => {
  try {
    const ticks = fs
      .readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap(statOf)
      .filter((one) => one.pid === pid || one.parent === pid)
      .reduce((sum, one) => sum + one.ticks, 0);
    return ticks * (1_000 / TICKS_PER_SECOND);
  } catch {
    return undefined;
  }
};

/** proc(5): after the name come state, parent, …; 14 to 17 are the ticks of it and of its ended children. */
const statOf = (pid) => {
  try {
    const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    const [user, system, endedUser, endedSystem] = fields.slice(11, 15).map(Number);
    return [{ pid: Number(pid), parent: Number(fields[1]), ticks: user + system + endedUser + endedSystem }];
  } catch {
    return []; // it ended meanwhile
  }
};
