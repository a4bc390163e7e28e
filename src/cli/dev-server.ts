import { once } from 'node:events';
import type { Command } from 'commander';
import { z } from 'zod';
import type { EmbeddedGround } from '../embedded/embedded-run.js';

/** The command that "tollgate dev" runs servers by. */
export const DEV_SERVER = 'dev-server';

/** What "tollgate dev" tells a server that waits: to start, on this ground where the run is embedded. */
const StartMessage = z.object({
  start: z.object({ databaseUrl: z.string(), sandboxUrl: z.string().optional() }).nullable(),
});

/** What a server tells "tollgate dev": where it answers, after which it waits for a message; then that it has started. */
export const ServerMessage = z.union([z.object({ answersAt: z.string() }), z.object({ hasStarted: z.literal(true) })]);

const lentGround = ({ start }: z.infer<typeof StartMessage>): EmbeddedGround | undefined =>
  start === null
    ? undefined
    : {
        ...start,
        sandboxUrl: start.sandboxUrl,
        postgres: undefined,
        async announce(answersAt) {
          process.send?.({ answersAt });
          await once(process, 'message');
        },
        stop: async () => undefined,
      };

/** A server with all its code loaded, which starts when it is told to: loading takes longer than starting. */
const runDevServer = async (): Promise<void> => {
  const told = once(process, 'message');
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  const { run } = await import('../main.js');
  const [message] = await told;
  await run({ dev: { ground: lentGround(StartMessage.parse(message)) } });
  process.send?.({ hasStarted: true });
};

/** Adds what "tollgate dev" runs; people don't. */
export const addDevServerCommand = (program: Command): void => {
  program.command(DEV_SERVER, { hidden: true }).action(runDevServer);
};
