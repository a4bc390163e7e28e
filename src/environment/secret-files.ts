import fs from 'node:fs';
import { VARIABLES } from './environment.js';

type Environment = Readonly<Record<string, string | undefined>>;

const SUFFIX = '_FILE';
/** Addresses may hold a password. */
const WITH_PASSWORD = ['DATABASE_URL', 'DATABASE_DIRECT_URL', 'REDIS_URL'];

/** The variables that may be read from a file, which `<name>_FILE` names: as Docker and Kubernetes hand out secrets. */
export const FROM_FILES: readonly string[] = [
  ...WITH_PASSWORD,
  ...Object.entries(VARIABLES).flatMap(([name, { secret }]) => (secret ? [name] : [])),
];

/** The name of the variable that says where the value lies. */
export const fileVariable = (name: string): string => `${name}${SUFFIX}`;

/** What can't be used of it, as the end of a sentence that begins with the variable's name. */
export interface FileProblem {
  readonly variable: string;
  readonly problem: string;
  readonly remedy: string;
}

/**
 * The environment with each secret that a file holds; white space around it, such as the last line's end, is left out. A
 * file that can't be read, holds nothing, or stands beside the value itself is a problem.
 */
export const withSecretFiles = (environment: Environment): { environment: Environment; problems: FileProblem[] } => {
  const found: Record<string, string> = {};
  const problems: FileProblem[] = [];
  const isSet = (name: string): boolean => (environment[name]?.trim() ?? '') !== '';
  const refuse = (name: string, problem: string, remedy: string): void => {
    problems.push({ variable: fileVariable(name), problem, remedy });
  };
  for (const name of FROM_FILES.filter((each) => isSet(fileVariable(each)))) {
    if (isSet(name)) {
      refuse(name, `is set together with ${name}`, 'Set one of them.');
      continue;
    }
    const value = readText(environment[fileVariable(name)]?.trim() ?? '');
    if (value === undefined)
      refuse(name, 'names a file that can not be read', 'Name a file that this process may read.');
    else if (value === '') refuse(name, 'names an empty file', 'Write the value into it.');
    else found[name] = value;
  }
  return { environment: { ...environment, ...found }, problems };
};

const readText = (file: string): string | undefined => {
  try {
    return fs.readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
};
