import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { loadEffects } from './effect-loader.js';
import { FLOW_TEMPLATES, type FlowTemplate } from './flow-templates.js';
import type { Flows } from './flows.js';

const here = path.dirname(fileURLToPath(import.meta.url));

/** Where the developer's flows are written: the sources' folder of this checkout, also when the build runs. */
export const flowSources = (): string =>
  import.meta.url.endsWith('.ts')
    ? path.resolve(here, '..', 'actionflows')
    : path.resolve(here, '..', '..', '..', 'src', 'actionflows');

/** A callback flow can't be used; the message names its file and the remedy. */
export class FlowLoadError extends Error {
  constructor(file: string, problem: string, options?: { cause?: unknown }) {
    super(
      `The callback flow src/actionflows/${file}.ts can't be used: ${problem}. ` +
        'Mend the file, or delete it and run "npx tollgate activate …" to have it written again, and start again.',
      options,
    );
    this.name = 'FlowLoadError';
  }
}

/** Beside a build whose flows do not compile (scripts/targets.mjs): what the compiler said. */
const COMPILER_SAID = path.resolve(here, '..', '..', '.flow-errors');

/** The flows do not compile; the message says where and why. */
class FlowsNotCompiledError extends Error {
  override readonly name = 'FlowsNotCompiledError';
}

const assertCompiled = (): void => {
  if (!fs.existsSync(COMPILER_SAID)) return;
  const said = fs.readFileSync(COMPILER_SAID, 'utf8');
  throw new FlowsNotCompiledError(`The callback flows do not compile. ${said}`);
};

const isFlow = (value: unknown, entry: FlowTemplate['entry']): boolean =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as Record<string, unknown>)[entry] === 'function' &&
  ['undefined', 'skip', 'deliver'].includes(String((value as { duplicates?: unknown }).duplicates));

const load = async (folder: string, name: string, { file, entry }: FlowTemplate): Promise<unknown> => {
  const found = ['.js', '.ts'].map((end) => path.join(folder, `${file}${end}`)).find((at) => fs.existsSync(at));
  if (found === undefined) throw new FlowLoadError(file, 'there is no such file');
  const exported = await import(pathToFileURL(found).href).then(
    (module: Record<string, unknown>) => module[name],
    (cause: unknown) => {
      throw new FlowLoadError(file, cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause), {
        cause,
      });
    },
  );
  if (exported === undefined) throw new FlowLoadError(file, `it does not export ${name}`);
  if (!isFlow(exported, entry)) throw new FlowLoadError(file, `its ${name} was not made with a function of define.ts`);
  return exported;
};

/**
 * Loads the developer's flows and effects by their files' names, each checked before the server starts.
 *
 * @param folder the compiled flows; those of this build unless told
 * @throws FlowLoadError or EffectLoadError naming the first file that can't be used, FlowsNotCompiledError in the compiler's words
 */
export const loadFlows = async (folder = path.resolve(here, '..', 'actionflows')): Promise<Flows> => {
  assertCompiled();
  const loaded: Record<string, unknown> = {};
  for (const [name, template] of Object.entries(FLOW_TEMPLATES)) loaded[name] = await load(folder, name, template);
  return { ...loaded, effects: await loadEffects(path.join(folder, 'effects')) } as unknown as Flows;
};
