import fs from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { FLOW_TEMPLATES, type FlowTarget, type FlowTemplate, MARK } from './flow-templates.js';
import { placeOf } from './project-file.js';

/**
 * A callback flow's file. `written`: made or filled anew just now, the server loads it at its next start. `current`: as
 * generated for the bound table; `outdated`: the same before the table was changed, which does no harm. `edited`: the
 * developer's, never written over. `absent`; `foreign`: as generated for another table, or for this one before it got a column
 * that a new order needs. `failed`: it could not be written. `problem` says why, or what of a generated file is left to write.
 */
export interface FlowFile {
  /** As messages name it: below the folder where the command runs, else in full. */
  readonly file: string;
  readonly state: 'written' | 'current' | 'outdated' | 'edited' | 'absent' | 'foreign' | 'failed';
  readonly problem?: string;
}

/** The sources of the callback flows. */
export interface FlowFiles {
  /** What each file is now; empty where there are no sources (a server built elsewhere). */
  inspect(target: FlowTarget): Promise<FlowFile[]>;
  /** Writes the files that are absent or still as generated, never an edited one. Twice changes nothing. */
  write(target: FlowTarget): Promise<FlowFile[]>;
}

const Word = z.string().nullable();

const Names = z.object({
  table: z.string().default(''),
  id: z.string().default(''),
  amount: z.string().nullable().default(null),
  unit: z.literal('major').optional(),
  isComputed: z.literal(true).optional(),
  status: z
    .object({
      column: z.string(),
      cast: z.string(),
      isRequired: z.boolean(),
      words: z.object({ pending: Word, paid: Word, partiallyRefunded: Word, refunded: Word, canceled: Word }),
    })
    .nullable()
    .default(null),
  why: z.string().nullable().default(null),
  shelf: z.object({ table: z.string(), product: z.string() }).nullable().default(null),
  copy: z.record(z.string(), z.string()).default({}),
  mustFill: z.array(z.string()).default([]),
});

/** The names that the text carries itself, where it is what the template gives for them: nobody edited it. */
const generatedFor = (text: string, template: FlowTemplate): FlowTarget | undefined => {
  const line = text.split('\n').find((candidate) => candidate.startsWith(MARK));
  if (line === undefined) return undefined;
  try {
    const names = Names.parse(JSON.parse(line.slice(MARK.length)));
    return template.fill(names) === text ? names : undefined;
  } catch {
    return undefined;
  }
};

/** Whether what was generated earlier still works for the table: a new order gets all that it needs. */
const stillServes = (names: FlowTarget, template: FlowTemplate, target: FlowTarget): boolean =>
  (names.table === '' || (names.table === target.table && names.id === target.id)) &&
  (template.entry !== 'createOrder' || target.mustFill.every((column) => column in names.copy));

const stateOf = (text: string | undefined, template: FlowTemplate, target: FlowTarget): FlowFile['state'] => {
  if (text === undefined) return 'absent';
  if (text === template.fill(target)) return 'current';
  const names = generatedFor(text, template);
  if (!names) return 'edited';
  return stillServes(names, template, target) ? 'outdated' : 'foreign';
};

/** What a generated file can't do on its own; edited files are not judged. */
const problemOf = (state: FlowFile['state'], template: FlowTemplate, target: FlowTarget) => {
  const problem = state === 'edited' || state === 'absent' ? undefined : template.lacks(target);
  return problem === undefined ? {} : { problem };
};

/** A checkout may have turned line ends into Windows' own. */
const readText = async (file: string): Promise<string | undefined> => {
  try {
    return (await fs.readFile(file, 'utf8')).replaceAll('\r\n', '\n');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};

/** A crash leaves the old file or the new one. */
const replace = async (file: string, text: string): Promise<void> => {
  const fresh = `${file}.${process.pid}.new`;
  await fs.writeFile(fresh, text);
  await fs.rename(fresh, file);
};

const isDirectory = (folder: string): Promise<boolean> =>
  fs.stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );

/** Builds the reader and writer over the folder of the flows' sources. */
export const createFlowFiles = (folder: string): FlowFiles => {
  const each = async (work: (template: FlowTemplate, file: string) => Promise<FlowFile>): Promise<FlowFile[]> => {
    if (!(await isDirectory(folder))) return [];
    return Promise.all(
      Object.values(FLOW_TEMPLATES).map((template) => work(template, path.join(folder, `${template.file}.ts`))),
    );
  };
  const nameOf = (template: FlowTemplate): string => placeOf(path.join(folder, `${template.file}.ts`));

  return {
    inspect: (target) =>
      each(async (template, file) => {
        const state = stateOf(await readText(file), template, target);
        return { file: nameOf(template), state, ...problemOf(state, template, target) };
      }),
    write: (target) =>
      each(async (template, file) => {
        try {
          const state = stateOf(await readText(file), template, target);
          const kept = state === 'current' || state === 'edited';
          if (!kept) await replace(file, template.fill(target));
          const after = kept ? state : ('written' as const);
          return { file: nameOf(template), state: after, ...problemOf(after, template, target) };
        } catch (error) {
          return { file: nameOf(template), state: 'failed', problem: String((error as Error).message) };
        }
      }),
  };
};
