import net from 'node:net';
import { text } from 'node:stream/consumers';
import { inject } from 'vitest';

/** Asks the run's steward (see global-setup.ts) in one line and gives its answer. */
const ask = async (line: string): Promise<unknown> => {
  const socket = net.connect(inject('stewardPort'), '127.0.0.1');
  socket.write(`${line}\n`);
  return JSON.parse(await text(socket));
};

/** The run's database cluster, started and migrated by the first who asks. Throws what its start failed with. */
export const requestCluster = async (): Promise<{ adminUrl: string; template: string }> => {
  const answer = (await ask('cluster')) as { adminUrl: string; template: string; error?: string };
  if (answer.error) throw new Error(`The test database could not be started: ${answer.error}`);
  return answer;
};

/** From now on the process is killed when the run ends, however it ends. */
export const watchProcess = async (pid: number): Promise<void> => {
  await ask(JSON.stringify({ watch: pid }));
};

/** The process has ended by itself; its id may be given to another. */
export const forgetProcess = async (pid: number): Promise<void> => {
  await ask(JSON.stringify({ forget: pid }));
};
