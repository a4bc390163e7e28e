import fs from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { FLOW_TEMPLATES, type FlowTarget, type FlowTemplate, MARK } from './flow-templates.js';

/**
 * A callback flow's file. `written`: made or filled anew just now, the server loads it at its next start. `current`: as
 * generated for the bound table. `edited`: the developer's, never written over. `absent`; `foreign`: as generated for
 * another table. `failed`: it could not be written, `problem` says why.
 */
export interface FlowFile {
  /** Relative to the checkout. */
  readonly file: string;
  readonly state: 'written' | 'current' | 'edited' | 'absent' | 'foreign' | 'failed';
  readonly problem?: string;
}

/** The sources of the callback flows. */
export interface FlowFiles {
  /** What each file is now; empty where there are no sources (a server built elsewhere). */
  inspect(target: FlowTarget): Promise<FlowFile[]>;
  /** Writes the files that are absent or still as generated, never an edited one. Twice changes nothing. */
  write(target: FlowTarget): Promise<FlowFile[]>;
}

const Names = z.object({
  table: z.string().default(''),
  id: z.string().default(''),
  amount: z.string().nullable().default(null),
  status: z.string().nullable().default(null),
  copy: z.record(z.string(), z.string()).default({}),
});

/** Whether the text is what the template gives for the names that it carries itself: nobody edited it. */
const isGenerated = (text: string, template: FlowTemplate): boolean => {
  const line = text.split('\n').find((candidate) => candidate.startsWith(MARK));
  if (line === undefined) return false;
  try {
    return template.fill(Names.parse(JSON.parse(line.slice(MARK.length)))) === text;
  } catch {
    return false;
  }
};

const stateOf = (text: string | undefined, template: FlowTemplate, target: FlowTarget): FlowFile['state'] => {
  if (text === undefined) return 'absent';
  if (text === template.fill(target)) return 'current';
  return isGenerated(text, template) ? 'foreign' : 'edited';
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
  const nameOf = (template: FlowTemplate): string => `src/actionflows/${template.file}.ts`;

  return {
    inspect: (target) =>
      each(async (template, file) => ({
        file: nameOf(template),
        state: stateOf(await readText(file), template, target),
      })),
    write: (target) =>
      each(async (template, file) => {
        try {
          const state = stateOf(await readText(file), template, target);
          if (state !== 'absent' && state !== 'foreign') return { file: nameOf(template), state };
          await replace(file, template.fill(target));
          return { file: nameOf(template), state: 'written' };
        } catch (error) {
          return { file: nameOf(template), state: 'failed', problem: String((error as Error).message) };
        }
      }),
  };
};
