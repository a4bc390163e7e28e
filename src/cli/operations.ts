import { pino } from 'pino';
import { SANDBOX_KEYS } from '../embedded/embedded-run.js';
import { loadFlows } from '../flows/flow-loader.js';
import type { Operations } from '../parts/operations.js';
import { UsageError } from './output.js';
import { type Workspace, withWorkspace } from './workspace.js';

/** The server's own configuration, told that nothing is to be brought: the workspace has it all open. */
const configFor = ({ config, apiBase }: Workspace) => ({
  ...config,
  embedded: false,
  sandbox: false,
  stripe: { ...config.stripe, ...(config.sandbox && SANDBOX_KEYS), apiBase },
});

/**
 * Builds the server's parts without its doors and jobs, hands out what operators do, and closes them. `asksStripe`: the
 * command can't work without; `rehearses`: everything is rolled back.
 */
export const withOperations = <T>(
  { asksStripe = false, rehearses = false }: { readonly asksStripe?: boolean; readonly rehearses?: boolean },
  work: (operations: Operations) => Promise<T>,
): Promise<T> =>
  withWorkspace(async (workspace) => {
    if (asksStripe && !workspace.reachesStripe)
      throw new UsageError('The embedded run is not up, and its sandbox with it. Run "npm start" beside this command.');
    const { startTollgate } = await import('../main.js');
    const tollgate = await startTollgate(configFor(workspace), {
      log: pino({ level: 'error' }, pino.destination(2)),
      flows: await loadFlows(workspace.config.flowFolder),
      command: { rehearses },
    });
    try {
      return await work(tollgate.operations);
    } finally {
      await tollgate.stop();
    }
  });
