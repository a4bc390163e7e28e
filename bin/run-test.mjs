// What "tollgate test" starts for each file: Node's own test runner in this process, the file read as the TypeScript that it is.
import path from 'node:path';
import { createJiti } from 'jiti';

await createJiti(import.meta.url, { fsCache: false }).import(path.resolve(process.argv[2]));
