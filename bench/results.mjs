// bench/RESULTS.md: one section for each benchmark; a run of one replaces its section alone.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const FILE = path.join(import.meta.dirname, 'RESULTS.md');
const INTRODUCTION = `# Benchmarks

\`npm run bench\` runs them all and writes this file; \`npm run bench -- webhooks\` runs one. Each starts what it needs: PostgreSQL
as the product brings it (durable), a \`redis-server\` from the \`PATH\`, the sandbox, Tollgate as it is built, and its peers, each in a
process of its own. The contenders take turns, round by round, on the same machine; the ratios of neighbouring rounds are what
counts, their median is shown.
`;

/** Writes the section into the file and gives its table as it stands there. */
export const writeResults = ({ title, prose, table, versions }) => {
  const text = `${tableText(table)}\n\nGoal: ${table.goal}.`;
  const sections = readSections().filter((section) => !section.startsWith(`## ${title}\n`));
  sections.push(`## ${title}\n\n${text}\n\n${machine(versions)}\n\n${prose}\n`);
  sections.sort((a, b) => b.localeCompare(a));
  fs.writeFileSync(FILE, `${INTRODUCTION}\n${sections.join('\n')}`);
  return text;
};

const readSections = () => {
  if (!fs.existsSync(FILE)) return [];
  const [, ...sections] = fs.readFileSync(FILE, 'utf8').split(/^(?=## )/m);
  return sections.map((section) => `${section.trim()}\n`);
};

const tableText = ({ head, rows }) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

/** The machine, without names or paths, and what ran on it. */
const machine = (versions) => {
  const gigabytes = Math.round(os.totalmem() / 2 ** 30);
  return [
    `Measured on ${new Date().toISOString().slice(0, 10)}: ${os.availableParallelism()} cores (${os.cpus()[0]?.model}), ${gigabytes} GB,`,
    `Node ${process.versions.node}, ${versions.join(', ')}.`,
    `Load average at the end of the run: ${os.loadavg()[0]?.toFixed(1)} (the benchmark's own part is 2 to 3; what is above it`,
    'was other work on the machine, which slows every contender).',
  ].join(' ');
};

/** The versions of packages as they are installed for the product or, where it hasn't them, for the benchmarks. */
export const versionsOf = (...names) =>
  names.map((name) => {
    const file = ['..', '.']
      .map((folder) => path.join(import.meta.dirname, folder, 'node_modules', name, 'package.json'))
      .find((candidate) => fs.existsSync(candidate));
    return `${name} ${file === undefined ? '(missing)' : JSON.parse(fs.readFileSync(file, 'utf8')).version}`;
  });

/** The version of the database that ran. */
export const postgresVersion = async (sql) => {
  const { rows } = await sql.query('show server_version');
  return `PostgreSQL ${rows[0].server_version.split(' ')[0]}`;
};

/** The version of the redis-server on the PATH. */
export const redisVersion = () =>
  `Redis ${/v=(\S+)/.exec(execFileSync('redis-server', ['--version'], { encoding: 'utf8' }))?.[1]}`;
