import { SECTIONS } from './environment.js';
import { FROM_FILES, fileVariable } from './secret-files.js';
import type { Variable } from './variables.js';

const FILES = FROM_FILES.map((name) => `\`${fileVariable(name)}\``).join(', ');

const INTRODUCTION = `# Environment

Everything that configures a server and its commands, which read the same variables. An empty variable counts as unset. What is
wrong is named at the start, all of it at once, with its remedy and without its value; a name that is not known and looks like
one of these is warned of. \`npx tollgate start --help\` prints this list; both are made from what reads them, \`src/environment/environment.ts\`.

**From a file**, as Docker and Kubernetes hand out secrets: ${FILES}.

Node's own count too: \`NODE_EXTRA_CA_CERTS\` names a PEM file of further authorities for what is reached over TLS (Redis, the JWKS).
`;

const rowOf = ([name, { meaning, otherwise }]: readonly [string, Variable<unknown>]): string =>
  `| \`${name}\` | ${meaning} | ${otherwise} |`;

/** The documentation page that lists every variable; `npm run check` compares it with the file. */
export const environmentPage = (): string => {
  const sections = Object.entries(SECTIONS).map(([title, variables]) =>
    [
      `## ${title}`,
      '',
      '| variable | what it decides | where it is not set |',
      '|---|---|---|',
      ...Object.entries(variables).map(rowOf),
      '',
    ].join('\n'),
  );
  return [INTRODUCTION, ...sections].join('\n');
};

/** The same for a terminal, after the help of `start`. */
export const environmentHelp = (): string => {
  const sections = Object.entries(SECTIONS).map(([title, variables]) =>
    [
      `${title}:`,
      ...Object.entries(variables).map(
        ([name, { meaning, otherwise }]) => `  ${name}\n      ${meaning}${otherwise === '' ? '' : ` [${otherwise}]`}`,
      ),
    ].join('\n'),
  );
  return `\nEnvironment, in [] what holds where a variable is not set; a secret may also lie in a file that <NAME>_FILE names:\n\n${sections.join('\n\n')}\n`;
};

/** The same as a file of settings to be filled in, all of it in comments. */
export const environmentExample = (): string => {
  const sections = Object.entries(SECTIONS).map(([title, variables]) =>
    [
      `## ${title}`,
      ...Object.entries(variables).map(
        ([name, { meaning, otherwise }]) =>
          `# ${meaning}${otherwise === '' ? '' : ` [${otherwise.replaceAll('`', '')}]`}\n#${name}=`,
      ),
    ].join('\n'),
  );
  return `# Copy it to .env, which "tollgate" reads; what the environment says itself goes first. In [] what holds without.\n\n${sections.join('\n\n')}\n`;
};
