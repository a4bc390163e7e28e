import fs from 'node:fs';
import type { Locate } from '../nouns/recurring/imports.js';
import { UsageError } from './output.js';

/** How subscriptions are placed, and which of a file's lines met none. */
export interface ImportMap {
  readonly locate: Locate;
  /** The subscriptions of the file that Stripe did not list; none where metadata places them. */
  unmet(): string[];
}

const CELL = /(?:"((?:[^"]|"")*)"|([^,"]*))(,|$)/y;

/** The cells of one line of a CSV file; no line breaks within cells. Source: RFC 4180. */
const cellsOf = (line: string, place: string): string[] => {
  const cells: string[] = [];
  let at = 0;
  for (;;) {
    CELL.lastIndex = at;
    const found = CELL.exec(line);
    if (!found) throw new UsageError(`${place} is no line of a CSV file.`);
    cells.push((found[1]?.replaceAll('""', '"') ?? found[2] ?? '').trim());
    if (found[3] === '') return cells;
    at = CELL.lastIndex;
  }
};

const readFile = (path: string): string => {
  try {
    return fs.readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`--map: ${path} can't be read: ${(error as Error).message}`);
  }
};

const orUndefined = (text: string | undefined): string | undefined =>
  text === undefined || text === '' ? undefined : text;

type Places = ReadonlyMap<string, { readonly orderId: string | undefined; readonly accountId: string | undefined }>;

const placesOf = (path: string): Places => {
  const [heading = '', ...lines] = readFile(path)
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/);
  const names = cellsOf(heading, `${path}, line 1,`).map((name) => name.toLowerCase());
  const [id = -1, order = -1, account = -1] = ['subscription', 'order', 'account'].map((name) => names.indexOf(name));
  if (id < 0 || order < 0)
    throw new UsageError(
      `--map: ${path} must begin with the line subscription,order,account (account may be left out).`,
    );
  const places = new Map<string, { orderId: string | undefined; accountId: string | undefined }>();
  lines.forEach((line, at) => {
    if (line.trim() === '') return;
    const cells = cellsOf(line, `${path}, line ${at + 2},`);
    const subscription = cells[id] ?? '';
    if (places.has(subscription)) throw new UsageError(`--map: ${path} names ${subscription} twice.`);
    places.set(subscription, { orderId: orUndefined(cells[order]), accountId: orUndefined(cells[account]) });
  });
  return places;
};

const fromFile = (path: string): ImportMap => {
  const places = placesOf(path);
  const met = new Set<string>();
  return {
    locate({ id }) {
      met.add(id);
      return places.get(id) ?? { orderId: undefined, accountId: undefined };
    },
    unmet: () => [...places.keys()].filter((subscription) => !met.has(subscription)),
  };
};

const KEYS = /^order=(?<order>[^,=]{1,40})(?:,account=(?<account>[^,=]{1,40}))?$/;

/**
 * Reads `--map`: `order=KEY,account=KEY` names keys of metadata, of the subscription or else its customer; anything else is a CSV file
 * of `subscription,order,account`.
 *
 * @throws UsageError
 */
export const readImportMap = (map: string): ImportMap => {
  const keys = KEYS.exec(map)?.groups;
  if (!keys) return fromFile(map);
  const { order = '', account } = keys;
  return {
    locate({ metadata, customerMetadata }) {
      const read = (key: string) => orUndefined(metadata[key] ?? customerMetadata[key]);
      return { orderId: read(order), accountId: account === undefined ? undefined : read(account) };
    },
    unmet: () => [],
  };
};
