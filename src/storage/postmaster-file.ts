import fs from 'node:fs';
import path from 'node:path';

/** What PostgreSQL writes into its data directory about the server running on it. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  readonly ready: boolean;
}

const fileIn = (directory: string): string => path.join(directory, 'postmaster.pid');

/** The server noted in a data directory, dead or alive; undefined when there is none, or not yet all of it. */
export const readPostmaster = (directory: string): Postmaster | undefined => {
  const file = fileIn(directory);
  try {
    const lines = fs.readFileSync(file, 'utf8').split('\n');
    return { pid: Number(lines[0]), port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' };
  } catch {
    return undefined;
  }
};

/** Whether a process with this id exists, be it ours or not. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
};

/**
 * Removes the note of a dead server whose process id now belongs to a program other than PostgreSQL: a restarted container
 * gives out the same ids again, and PostgreSQL would wait for that program for ever. Only where /proc can tell.
 */
export const forgetRecycled = (directory: string): void => {
  const noted = readPostmaster(directory);
  if (!noted) return;
  try {
    const command = fs.readFileSync(`/proc/${noted.pid}/cmdline`, 'utf8');
    if (command !== '' && !command.includes('postgres')) fs.rmSync(fileIn(directory), { force: true });
  } catch {
    // gone, or no /proc: PostgreSQL itself judges
  }
};
