// Installs and builds what is missing or out of date, and nothing else: without a network it works once it has worked.
import { ensureInstalled } from './install.mjs';
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

/** Server and pages, built at the same time. What the pages' steps say waits until the server's have been told. */
export const ensureAll = async () => {
  const held = [];
  let say = (text) => held.push(text);
  await ensureInstalled();
  const pages = tryEnsurePages({ say: (text) => say(text) });
  await ensureServer();
  say = show;
  say(held.join(''));
  await pages;
};
