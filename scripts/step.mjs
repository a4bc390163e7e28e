// A step that is told as it goes: its title, then how long it took or what the tool said.
import { secondsSince } from './run.mjs';

/** A step that did not work; the message holds the tool's own words. */
export class EnsureError extends Error {
  name = 'EnsureError';
}

/** Tells on the screen. */
export const show = (text) => process.stdout.write(text);

/** Runs `work`, which gives an exit code and an output, and tells it through `say`. Throws EnsureError where it failed. */
export const step = async (say, title, work) => {
  const startedAt = performance.now();
  say(`${title} … `);
  const { code, output } = await work();
  say(code === 0 ? `${secondsSince(startedAt)}\n` : 'failed\n');
  if (code !== 0) throw new EnsureError(`${title} failed:\n${output.trim()}`);
};

/** For a script's last resort: says what went wrong and ends the process with code 1. */
export const failed = (error) => {
  process.stderr.write(`${error instanceof EnsureError ? error.message : (error?.stack ?? error)}\n`);
  process.exit(1);
};
