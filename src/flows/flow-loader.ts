import fs from 'node:fs';
import path from 'node:path';
import { assertFlowsApi } from './api-version.js';
import { loadEffects } from './effect-loader.js';
import { createImport, type ImportFile } from './flow-import.js';
import { FLOW_TEMPLATES, type FlowTemplate } from './flow-templates.js';
import { type Flows, faultOfLimit } from './flows.js';
import { placeOf, reasonOf } from './project-file.js';

/** A callback flow can't be used; the message names its file and the remedy. */
export class FlowLoadError extends Error {
  constructor(file: string, problem: string, options?: { cause?: unknown }) {
    super(
      `The callback flow ${placeOf(file)} can't be used: ${problem}. ` +
        'Mend the file, or delete it and run "npx tollgate activate …" to have it written again, and start again.',
      options,
    );
    this.name = 'FlowLoadError';
  }
}

/** There is no folder of flows; the message says where it was looked for and the remedy. */
class NoFlowsError extends Error {
  override readonly name = 'NoFlowsError';
  constructor(folder: string) {
    super(
      `There are no callback flows: ${folder} is no folder. Run the command in your project's folder, make a project with ` +
        '"npx tollgate init", or set TOLLGATE_FLOWS to the folder.',
    );
  }
}

const ENDS = ['.ts', '.mts', '.js', '.mjs'];

const isFlow = (value: unknown, entry: FlowTemplate['entry']): boolean =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as Record<string, unknown>)[entry] === 'function' &&
  ['undefined', 'skip', 'deliver'].includes(String((value as { duplicates?: unknown }).duplicates)) &&
  ['undefined', 'false'].includes(String((value as { batch?: unknown }).batch));

/** Hears of a flow that the project has no file of yet, by the file's place. */
type TellAbsent = (place: string) => void;

/** What runs for a flow that came with an upgrade, until its file is written. */
const emptyFlow = (entry: FlowTemplate['entry']) => ({ [entry]: () => undefined });

const load = async (
  { read, folder, tellAbsent }: { readonly read: ImportFile; readonly folder: string; readonly tellAbsent: TellAbsent },
  name: string,
  { file, entry, isOptional }: FlowTemplate,
): Promise<unknown> => {
  const usual = path.join(folder, `${file}.ts`);
  const found = ENDS.map((end) => path.join(folder, `${file}${end}`)).find((at) => fs.existsSync(at));
  if (found === undefined && isOptional) {
    tellAbsent(placeOf(usual));
    return emptyFlow(entry);
  }
  if (found === undefined) throw new FlowLoadError(usual, 'there is no such file');
  const exported = await read(found).then(
    (module) => module[name],
    (cause: unknown) => {
      throw new FlowLoadError(found, reasonOf(cause, found), { cause });
    },
  );
  if (exported === undefined) throw new FlowLoadError(found, `it does not export ${name}`);
  if (!isFlow(exported, entry))
    throw new FlowLoadError(found, `its ${name} was not made with a function of tollgate/flows`);
  const fault = faultOfLimit((exported as { limitMs?: unknown }).limitMs);
  if (fault !== undefined) throw new FlowLoadError(found, fault);
  return exported;
};

/**
 * Loads the developer's flows and effects from the sources in the folder, each checked before the server starts.
 *
 * @param tellAbsent hears of each flow that an upgrade brought and that has no file yet: it runs nothing
 * @throws FlowsApiError where they are written for another API; FlowLoadError or EffectLoadError naming the first file that can't be used
 */
export const loadFlows = async (folder: string, tellAbsent: TellAbsent = () => undefined): Promise<Flows> => {
  if (!fs.existsSync(folder)) throw new NoFlowsError(folder);
  assertFlowsApi(folder);
  const read = createImport();
  const loaded: Record<string, unknown> = {};
  for (const [name, template] of Object.entries(FLOW_TEMPLATES))
    loaded[name] = await load({ read, folder, tellAbsent }, name, template);
  return { ...loaded, effects: await loadEffects(read, path.join(folder, 'effects')) } as unknown as Flows;
};
