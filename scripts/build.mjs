// npm run build: the server, the client package and the pages are up to date afterwards.
import '../bin/node-version.mjs';
import { ensurePages, ensureServer } from './ensure.mjs';
import { failed } from './step.mjs';

await ensureServer().catch(failed);
await ensurePages().catch(failed);
