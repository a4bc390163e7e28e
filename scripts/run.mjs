// Runs a program the way a shell would: signals reach it, and how it ended is told.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import path from 'node:path';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** The checkout that these scripts belong to. */
export const root = path.resolve(import.meta.dirname, '..');

/**
 * Runs node on a script and resolves with its exit code; 128 + n when it died of signal n. Signals that this process gets
 * meanwhile go to the child, which decides. With `capture` its output is returned instead of shown.
 */
export const runNode = (words, { capture = false, ...options } = {}) =>
  new Promise((resolve, reject) => {
    const stdio = capture ? ['ignore', 'pipe', 'pipe'] : 'inherit';
    const child = spawn(process.execPath, words, { cwd: root, stdio, ...options });
    const forward = (signal) => child.kill(signal);
    for (const signal of SIGNALS) process.on(signal, forward);
    let output = '';
    const collect = (chunk) => {
      output += chunk;
    };
    child.stdout?.setEncoding('utf8').on('data', collect);
    child.stderr?.setEncoding('utf8').on('data', collect);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      for (const name of SIGNALS) process.off(name, forward);
      resolve({ code: code ?? 128 + constants.signals[signal], output });
    });
  });

/** Seconds since `startedAt` (of performance.now()), for a line on the screen. */
export const secondsSince = (startedAt) => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
