/** How one environment variable is parsed and documented. */
export interface Variable<T> {
  /** What it decides, for the table of variables. */
  readonly meaning: string;
  /** What holds where it isn't set, in words; empty where nothing does. */
  readonly otherwise: string;
  /** What is read where it isn't set. */
  readonly unset: T;
  /** Its value must match something outside to the letter, so white space that is left out is told. */
  readonly secret: boolean;
  /** Reads a text that isn't empty. Throws UnreadableError. */
  read(text: string): T;
}

/** A value that can't be used; neither sentence shows it. */
export class UnreadableError extends Error {
  override readonly name = 'UnreadableError';
  constructor(
    /** What is wrong, as the end of a sentence that begins with the variable's name. */
    readonly problem: string,
    readonly remedy: string,
  ) {
    super(`${problem}. ${remedy}`);
  }
}

/** A number of a port; `fixed`: it was asked for, so it must be free; otherwise the next free one serves. */
export interface Port {
  readonly number: number;
  readonly fixed: boolean;
}

interface Told {
  readonly meaning: string;
  readonly otherwise?: string;
}

const variable = <T>(
  { meaning, otherwise = '' }: Told,
  { unset, read, secret = false }: { unset: T; read: (text: string) => T; secret?: boolean },
): Variable<T> => ({ meaning, otherwise, unset, read, secret });

/** Any text. */
export const text = (told: Told): Variable<string | undefined> =>
  variable<string | undefined>(told, { unset: undefined, read: (value) => value });

/** A text that `accepts` takes; otherwise `problem` and `remedy` are told. */
export const secret = ({
  accepts = () => true,
  problem = '',
  remedy = '',
  ...told
}: Told & {
  readonly accepts?: (value: string) => boolean;
  readonly problem?: string;
  readonly remedy?: string;
}): Variable<string | undefined> =>
  variable<string | undefined>(told, {
    unset: undefined,
    secret: true,
    read: (value) => {
      if (!accepts(value)) throw new UnreadableError(problem, remedy);
      return value;
    },
  });

const partsOf = (value: string): string[] =>
  value
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean);

/** Several secrets with commas between. */
export const secrets = (told: Parameters<typeof secret>[0]): Variable<readonly string[]> => {
  const one = secret(told);
  return variable<readonly string[]>(told, {
    unset: [],
    secret: true,
    read: (value) => partsOf(value).flatMap((part) => one.read(part) ?? []),
  });
};

/** An address of one of the protocols. */
export const url = ({
  protocols,
  example,
  ...told
}: Told & { readonly protocols: readonly string[]; readonly example: string }): Variable<string | undefined> =>
  variable<string | undefined>(told, {
    unset: undefined,
    read: (value) => {
      if (!URL.canParse(value) || !protocols.includes(new URL(value).protocol))
        throw new UnreadableError('is no address that can be used', `Write it like ${example}.`);
      return value;
    },
  });

/** A path without its last slash; empty for the root. */
export const basePath = (told: Told): Variable<string> =>
  variable(told, {
    unset: '',
    read: (value) => {
      const path = value.replace(/\/+$/, '');
      if (!/^(\/[\w.~-]+)*$/.test(path) || /\/\.{1,2}(\/|$)/.test(path))
        throw new UnreadableError('is no path', 'Write it like /payments.');
      return path;
    },
  });

/** Origins with commas between. */
export const origins = (told: Told): Variable<readonly string[] | undefined> =>
  variable<readonly string[] | undefined>(told, {
    unset: undefined,
    read: (value) => {
      const list = partsOf(value).map((part) => (URL.canParse(part) ? new URL(part).origin : 'null'));
      if (list.includes('null'))
        throw new UnreadableError(
          'holds something that is no origin',
          'Write origins with commas between: https://shop.example,https://app.example.',
        );
      return list;
    },
  });

/** A place on the network. */
export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

/** Places with commas between; a port may be left out. */
export const hosts = ({
  unsetPort,
  ...told
}: Told & { readonly unsetPort: number }): Variable<readonly HostAndPort[] | undefined> =>
  variable<readonly HostAndPort[] | undefined>(told, {
    unset: undefined,
    read: (value) =>
      partsOf(value).map((part) => {
        const url = /^[^/@?#]+$/.test(part) && URL.canParse(`tcp://${part}`) ? new URL(`tcp://${part}`) : undefined;
        if (!url?.hostname)
          throw new UnreadableError(
            'holds something that is no host and port',
            `Write them with commas between: 10.0.0.1:${unsetPort},10.0.0.2:${unsetPort}.`,
          );
        return {
          host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
          port: url.port === '' ? unsetPort : Number(url.port),
        };
      }),
  });

/** Names of hosts, or addresses, with commas between. */
export const hostNames = (told: Told): Variable<readonly string[]> =>
  variable<readonly string[]>(told, {
    unset: [],
    read: (value) =>
      partsOf(value).map((part) => {
        if (!URL.canParse(`http://${part.includes(':') ? `[${part}]` : part}`) || /[/@?#]/.test(part))
          throw new UnreadableError(
            'holds something that is no host',
            'Write names with commas between: hooks.internal.',
          );
        return part.toLowerCase();
      }),
  });

/** A whole number, in the unit that the variable's name or meaning says. */
export const wholeNumber = (meaning: string, unset: number): Variable<number> =>
  variable(
    { meaning, otherwise: String(unset) },
    {
      unset,
      read: (value) => {
        if (!/^\d{1,9}$/.test(value)) throw new UnreadableError('is no whole number', `Its default is ${unset}.`);
        return Number(value);
      },
    },
  );

/** Where a door listens. */
export const port = (meaning: string, unset: number): Variable<Port> =>
  variable<Port>(
    { meaning, otherwise: `${unset}, or the next free one` },
    {
      unset: { number: unset, fixed: false },
      read: (value) => {
        const number = /^\d{1,5}$/.test(value) ? Number(value) : Number.NaN;
        if (!(number <= 65_535))
          throw new UnreadableError(
            'is no port number',
            `Use a number from 0 to 65535 (0: any free one), for example ${unset}.`,
          );
        return { number, fixed: true };
      },
    },
  );

const readFlag = (value: string): boolean => {
  if (value !== 'true' && value !== 'false')
    throw new UnreadableError('is neither true nor false', 'Use true or false.');
  return value === 'true';
};

/** True or false. */
export const flag = (meaning: string, unset: boolean): Variable<boolean> =>
  variable({ meaning, otherwise: String(unset) }, { unset, read: readFlag });

/** True or false; what holds where it isn't set depends on others. */
export const openFlag = (told: Required<Told>): Variable<boolean | undefined> =>
  variable<boolean | undefined>(told, { unset: undefined, read: readFlag });

/** One of a few words. */
export const choice = <const T extends string>({
  choices,
  ...told
}: Told & { readonly choices: readonly T[] }): Variable<T | undefined> =>
  variable<T | undefined>(
    { ...told, meaning: `${told.meaning}: ${choices.join(', ')}` },
    {
      unset: undefined,
      read: (value) => {
        const found = choices.find((candidate) => candidate === value);
        if (found === undefined)
          throw new UnreadableError('has a value that does not exist', `Use one of: ${choices.join(', ')}.`);
        return found;
      },
    },
  );
