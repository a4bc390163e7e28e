// npm start: installs and builds what is missing, then becomes the server. In this process, so that a signal reaches it
// directly and its exit code is ours.
import '../bin/node-version.mjs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { endWithParent } from '../bin/parent.mjs';
import { ensureAll } from './ensure.mjs';
import { root } from './run.mjs';
import { failed } from './step.mjs';

endWithParent();
await ensureAll().catch(failed);
const main = path.join(root, 'dist', 'src', 'main.js');
process.setSourceMapsEnabled(true);
process.argv[1] = main;
process.chdir(root);
await import(pathToFileURL(main).href);
