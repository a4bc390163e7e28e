// Installs and builds what is missing or out of date, and nothing else: without a network it works once it has worked.
import fs from 'node:fs';
import path from 'node:path';
import { ensureInstalled } from './install.mjs';
import { root } from './run.mjs';
import { EnsureError, show } from './step.mjs';
import { ensureBuilt, TARGETS } from './targets.mjs';

/**
 * The server, installed and built; what every command starts with.
 * @param {{ say?: (text: string) => void }} [options]
 */
export const ensureServer = async (options) => {
  await ensureInstalled(options);
  await ensureBuilt(TARGETS.server, options);
};

/**
 * The client package and the pages that are made of it.
 * @param {{ say?: (text: string) => void }} [options]
 */
export const ensurePages = async (options) => {
  await ensureInstalled(options);
  await ensureBuilt(TARGETS.client, options);
  await ensureBuilt(TARGETS.pages, options);
};

/**
 * `ensurePages`, whose failure is told and nothing more: the server runs with the pages that were built before, or none.
 * @param {{ say?: (text: string) => void }} [options]
 */
export const tryEnsurePages = async ({ say = show } = {}) => {
  try {
    await ensurePages({ say });
  } catch (error) {
    if (!(error instanceof EnsureError)) throw error;
    say(`${error.message}\nThe server runs without new pages; "npm run build" tries again.\n`);
  }
};

/**
 * Server and pages, built at the same time; without the pages where their sources were left out. What the pages' steps say waits
 * until the server's have been told.
 * @param {{ say?: (text: string) => void }} [options]
 */
export const ensureAll = async ({ say = show } = {}) => {
  if (!fs.existsSync(path.join(root, 'web'))) return ensureServer({ say });
  const held = [];
  let sayOfPages = (text) => held.push(text);
  await ensureInstalled({ say });
  const pages = tryEnsurePages({ say: (text) => sayOfPages(text) });
  await ensureServer({ say });
  sayOfPages = say;
  say(held.join(''));
  await pages;
};
