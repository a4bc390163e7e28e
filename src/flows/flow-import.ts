import { fileURLToPath } from 'node:url';
import { createJiti } from 'jiti';

/** Imports one of the developer's files, TypeScript or JavaScript, as it is written. */
export type ImportFile = (file: string) => Promise<Record<string, unknown>>;

/** What `tollgate/flows` is for a flow: this very server's, wherever the flow's folder is and whatever is installed there. */
const API = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './define.ts' : './define.js', import.meta.url));

/** Makes the reader of a project's files. It keeps nothing on disk: node_modules may be read-only, and stays as installed. */
export const createImport = (): ImportFile => {
  const jiti = createJiti(import.meta.url, { fsCache: false, alias: { 'tollgate/flows': API } });
  return (file) => jiti.import(file);
};
