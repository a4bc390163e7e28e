import { ConfigError, type ConfigProblem } from '../config.js';

/** Ports that are tried after the preferred one. */
const TRIES = 50;

/** Why an address can't be listened on, in words; undefined for an error that is another story. */
const problemOf = (error: unknown, variable: string, port: number): ConfigProblem | undefined => {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
      return {
        variable,
        problem: `is ${port}, which is taken`,
        remedy: 'Stop what listens there, or choose another port.',
      };
    case 'EACCES':
      return {
        variable,
        problem: `is ${port}, which takes rights that this user lacks`,
        remedy: 'Choose a port from 1024 on, and let the proxy in front lead to it.',
      };
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return {
        variable: 'HOST',
        problem: 'is no address of this machine',
        remedy: 'Use 127.0.0.1 behind a proxy on this machine, or 0.0.0.0 to be reached from others.',
      };
    default:
      return undefined;
  }
};

/**
 * Listens on the port, or, where it wasn't asked for by name, on the next one after it that can be had.
 *
 * @throws ConfigError naming the variable when a port that was asked for is taken, or may not be listened on
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
      const problem = problemOf(error, variable, number);
      if (!problem) throw error;
      if (problem.variable !== variable || number === last) throw new ConfigError([problem]);
    }
  }
};
