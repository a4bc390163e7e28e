import { ConfigError } from './config.js';

/** Ports that are tried after the preferred one. */
const TRIES = 50;

const isTaken = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'EADDRINUSE';

/**
 * Listens on the port, or, where it wasn't asked for by name, on the next free one after it.
 *
 * @throws ConfigError naming the variable when a port that was asked for is taken
 */
export const listenOnFree = async <T>(
  port: { readonly number: number; readonly fixed: boolean },
  variable: string,
  listen: (port: number) => Promise<T>,
): Promise<T> => {
  const last = port.fixed ? port.number : port.number + TRIES;
  for (let number = port.number; ; number += 1) {
    try {
      return await listen(number);
    } catch (error) {
      if (!isTaken(error)) throw error;
      if (number < last) continue;
      throw new ConfigError([
        {
          variable,
          problem: `is ${number}, which is taken`,
          remedy: 'Stop what listens there, or choose another port.',
        },
      ]);
    }
  }
};
