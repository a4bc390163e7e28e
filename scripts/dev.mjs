// npm run dev: the server from its sources, started again at each change.
import path from 'node:path';
import { ensureInstalled, failed } from './ensure.mjs';
import { root, runNode } from './run.mjs';
import { tryEnsureWeb } from './web.mjs';

await ensureInstalled().catch(failed);
await tryEnsureWeb();
const tsx = path.join(root, 'node_modules', 'tsx', 'dist', 'cli.mjs');
process.exitCode = (await runNode([tsx, 'watch', 'src/main.ts', ...process.argv.slice(2)])).code;
