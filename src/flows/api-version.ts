import fs from 'node:fs';
import path from 'node:path';
import { placeOf } from './project-file.js';

/**
 * The version of what `tollgate/flows` gives to flows. It rises when a flow could break; what only comes on top leaves it. A flow
 * that was written for a version runs on the next too.
 */
export const FLOWS_API = 1;
/** The oldest version whose flows run. */
const OLDEST_API = 1;

/** The flows are written for an API that this package does not have; the message says which, and the remedy. */
class FlowsApiError extends Error {
  override readonly name = 'FlowsApiError';
}

/** The project's package.json, as Node finds it from the folder. */
const findPackage = (folder: string): string | undefined => {
  for (let at = path.resolve(folder); ; at = path.dirname(at)) {
    const file = path.join(at, 'package.json');
    if (fs.existsSync(file)) return file;
    if (at === path.dirname(at)) return undefined;
  }
};

/**
 * Compares the API that the project's package.json says its flows are written for (`"tollgate": { "flows": 1 }`; the first unless
 * told) with this one.
 *
 * @throws FlowsApiError
 */
export const assertFlowsApi = (folder: string): void => {
  const file = findPackage(folder);
  if (file === undefined) return;
  const { tollgate } = JSON.parse(fs.readFileSync(file, 'utf8')) as { tollgate?: { flows?: unknown } };
  const version = tollgate?.flows ?? 1;
  if (typeof version === 'number' && version >= OLDEST_API && version <= FLOWS_API) return;
  const written = `The flows are written for the API ${JSON.stringify(version)} (tollgate.flows of ${placeOf(file)}), and this Tollgate has ${FLOWS_API}`;
  throw new FlowsApiError(
    typeof version === 'number' && version > FLOWS_API
      ? `${written}. Upgrade the package tollgate, or go back to the flows of before.`
      : `${written}. docs/upgrading.md of the package says what changed; write the number once the flows are changed.`,
  );
};
