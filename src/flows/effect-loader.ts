import fs from 'node:fs';
import path from 'node:path';
import type { Effect } from './effects.js';
import type { ImportFile } from './flow-import.js';
import { placeOf, reasonOf } from './project-file.js';

/** An effect can't be used; the message names its file and the remedy. */
class EffectLoadError extends Error {
  constructor(file: string, problem: string, options?: { cause?: unknown }) {
    super(`The effect ${placeOf(file)} can't be used: ${problem}. Mend the file and start again.`, options);
    this.name = 'EffectLoadError';
  }
}

const isEffect = (value: unknown): value is Effect =>
  typeof value === 'object' && value !== null && typeof (value as { run?: unknown }).run === 'function';

/** A name has letters, digits, dots and dashes only: it appears in logs and on command lines. */
const NAME = /^[A-Za-z][\w.-]{0,99}$/;
const END = /(?<!\.d)\.m?[jt]s$/;

const effectsOf = async (read: ImportFile, file: string): Promise<[string, Effect][]> => {
  const module = await read(file).catch((cause: unknown) => {
    throw new EffectLoadError(file, reasonOf(cause, file), { cause });
  });
  const found = Object.values(module).filter(isEffect);
  if (found.length === 0) throw new EffectLoadError(file, 'it exports nothing made with defineEffect');
  return found.map((effect) => {
    const name = effect.name ?? path.basename(file).replace(END, '');
    if (!NAME.test(name)) throw new EffectLoadError(file, `"${name}" is no name for an effect`);
    return [name, effect];
  });
};

/**
 * Loads the developer's effects; no folder means none.
 *
 * @throws EffectLoadError naming the first file that can't be used, or a name that two effects share
 */
export const loadEffects = async (read: ImportFile, folder: string): Promise<ReadonlyMap<string, Effect>> => {
  const entries = fs.existsSync(folder) ? fs.readdirSync(folder).sort() : [];
  const effects = new Map<string, Effect>();
  for (const entry of entries.filter((name) => END.test(name))) {
    const file = path.join(folder, entry);
    for (const [name, effect] of await effectsOf(read, file)) {
      if (effects.has(name)) throw new EffectLoadError(file, `there are two effects "${name}"`);
      effects.set(name, effect);
    }
  }
  return effects;
};
