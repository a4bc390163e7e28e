// npm run build: the server's build and the pages are up to date afterwards.
import { ensure, failed } from './ensure.mjs';
import { ensureWeb } from './web.mjs';

await ensure().catch(failed);
await ensureWeb().catch(failed);
