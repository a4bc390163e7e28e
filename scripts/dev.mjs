// npm run dev: the server from its sources, started again at each change.
import '../bin/node-version.mjs';
import path from 'node:path';
import { endWithParent } from '../bin/parent.mjs';
import { tryEnsurePages } from './ensure.mjs';
import { ensureInstalled } from './install.mjs';
import { root, runNode } from './run.mjs';
import { failed } from './step.mjs';

endWithParent();
await ensureInstalled().catch(failed);
await tryEnsurePages();
const tsx = path.join(root, 'node_modules', 'tsx', 'dist', 'cli.mjs');
process.exitCode = (
  await runNode([tsx, 'watch', '--include', 'flows/**/*', 'src/main.ts', ...process.argv.slice(2)])
).code;
