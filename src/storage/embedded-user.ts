import { execFile } from 'node:child_process';
import fs from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Options for a child process: the account it runs as, or nothing for our own. */
export type RunAs = { readonly uid: number; readonly gid: number } | Record<string, never>;

/**
 * The account PostgreSQL runs as. Its programs refuse root, so root gives way to the owner of the existing `cluster`, else to
 * `postgres`, else to `nobody`. Anyone else, and Windows, keeps its own account.
 */
export const unprivilegedUser = (cluster: string): RunAs => {
  if (process.getuid?.() !== 0) return {};
  const owner = fs.statSync(cluster, { throwIfNoEntry: false });
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const accounts = fs
    .readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const account = accounts.find(([name]) => name === 'postgres') ?? accounts.find(([name]) => name === 'nobody');
  // macOS writes nobody as -2
  return { uid: Number(account?.[2] ?? 65534) >>> 0, gid: Number(account?.[3] ?? 65534) >>> 0 };
};

/** Whether `user` can enter the folder; asked of the system, since modes, lists and mounts all have a say. */
export const canEnter = async (folder: string, user: RunAs): Promise<boolean> => {
  if (user.uid === undefined) return true;
  // node changes the folder of a child before the user, so the shell does it
  return run('/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder], { ...user, cwd: '/' }).then(
    () => true,
    () => false,
  );
};

/** Gives a folder or file to `user` alone. */
export const giveTo = (user: RunAs, at: string, mode: number): void => {
  if (user.uid !== undefined) fs.chownSync(at, user.uid, user.gid);
  fs.chmodSync(at, mode);
};
