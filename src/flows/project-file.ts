import path from 'node:path';

/** A file of the developer's project as its messages name it: below the folder where the command runs, else in full. */
export const placeOf = (file: string): string => {
  const below = path.relative(process.cwd(), file);
  return below === '' || below.startsWith('..') || path.isAbsolute(below) ? file : below.split(path.sep).join('/');
};

/** Where in the folder an error came from, as `:line:column`, by its stack; empty where the stack does not say. */
const lineOf = (error: Error, file: string): string => {
  const at = error.stack?.indexOf(`${file}:`) ?? -1;
  return at === -1 ? '' : (/^:\d+(:\d+)?/.exec(error.stack?.slice(at + file.length) ?? '')?.[0] ?? '');
};

/** Why a file can't be loaded, with the line where it is known. */
export const reasonOf = (error: unknown, file: string): string => {
  if (!(error instanceof Error)) return String(error);
  const [first = ''] = error.message.split('\n');
  const said = `${error.name}: ${first.replaceAll(file, placeOf(file)).trim()}`;
  const line = lineOf(error, file);
  return line === '' || said.includes(line) ? said : `${said} at ${placeOf(file)}${line}`;
};
