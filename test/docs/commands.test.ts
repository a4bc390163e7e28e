import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { createProgram } from '../../src/cli/program.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'template/README.md',
  ...fs
    .readdirSync(path.join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md') && !/node_modules|decisions/.test(file))
    .map((file) => path.join('docs', file)),
];

/** `payment refund|cancel 12` is two uses. */
const alternativesOf = (use: string): string[] => {
  const [all, first = ''] = /([a-z]+(?:\|[a-z]+)+)/.exec(use) ?? [];
  return all === undefined ? [use] : first.split('|').map((word) => use.replace(all, word));
};

/** Every use of the command line in a page's blocks and in its text, without what a shell does with it. */
const usesOf = (page: string): string[] => {
  const text = fs.readFileSync(path.join(root, page), 'utf8');
  const inText = [...text.matchAll(/`(?:npx )?tollgate ([a-z][^`]*)`/g)];
  const inBlocks = [...text.matchAll(/^(?:[^`\n]* )?(?:npx|exec) tollgate ([a-z][^`\n]*)$/gm)];
  return [...inText, ...inBlocks]
    .map(([, words = '']) => words.split(/\s(?:#|\||>|<|&&|;|\\)/)[0] ?? '')
    .flatMap((use) => alternativesOf(use));
};

/** What the command line would say to it; undefined where it takes it. */
const complaintOf = (program: Command, use: string): string | undefined => {
  const words = use.split(/\s+/);
  let command = program;
  for (;;) {
    const next = command.commands.find((known) => known.name() === words[0]);
    if (!next) break;
    command = next;
    words.shift();
  }
  if (command.commands.length > 0 && words[0] !== undefined && /^[a-z]/.test(words[0]))
    return `no command ${words[0]} of ${command.name()}`;
  const flags = [...words.join(' ').matchAll(/(?<![\w-])--[a-z][\w-]*/g)].map(([flag]) => flag);
  const unknown = flags.filter((flag) => flag !== '--help' && !command.options.some(({ long }) => long === flag));
  return unknown.length > 0 ? `${command.name()} has no ${unknown.join(', ')}` : undefined;
};

test('every command that the docs name is one, with the options that they give', async () => {
  const program = await createProgram();
  const uses = pages.flatMap((page) => usesOf(page).map((use) => ({ page, use })));
  expect(uses.length).toBeGreaterThan(100);
  const complaints = uses.flatMap(({ page, use }) => {
    const complaint = complaintOf(program, use);
    return complaint === undefined ? [] : [`${page}: ${complaint}`];
  });
  expect(complaints).toEqual([]);
});
