import inspector from 'node:inspector';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The main thread, stopped in the middle of what it does. */
export interface PausedThread {
  /** Where it is, file and line, innermost first. */
  readonly places: readonly string[];
  /** Whether it is the product's own code that runs, and no flow's called it. */
  readonly isOurs: boolean;
  /** Ends the process from inside the paused code. */
  exit(code: number): void;
}

type CallFrame = inspector.Debugger.CallFrame;

/** The product's code, whether the sources run or the build does. */
const OWN_FOLDER = new URL('../', import.meta.url).href;
const isOfNode = (url: string): boolean => url === '' || url.startsWith('node:') || url.includes('/node_modules/');

/** What runs innermost decides: the developer's functions are called by ours. */
const isOursIn = (files: readonly string[], flowFolder: string): boolean =>
  files.find((url) => !isOfNode(url))?.startsWith(OWN_FOLDER) === true &&
  !files.some((url) => pathOf(url).startsWith(flowFolder + path.sep));

/** Modules are named by their address, what a loader compiled by its path. */
const pathOf = (url: string): string => (url.startsWith('file:') ? fileURLToPath(url) : url);

const STACK = '(() => { Error.stackTraceLimit = 50; return new Error().stack; })()';

/** A stack's lines without those of the question itself. */
const placesOf = (stack: unknown): string[] =>
  String(stack)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('at ') && !/eval at|<anonymous>:\d|node:/.test(line))
    .map((line) => line.replace(/^at (async )?/, '').replace(/file:\/\/[^:)]+/, (url) => fileURLToPath(url)));

/**
 * Stops the main thread where it is, also inside a loop without end, and looks where that is. To be called in a worker.
 * Undefined where it can't be stopped in time: it is in code that is not JavaScript.
 */
export const pauseMainThread = (patienceMs: number, flowFolder: string): Promise<PausedThread | undefined> =>
  new Promise((resolve) => {
    const session = new inspector.Session();
    setTimeout(() => resolve(undefined), patienceMs);
    const urls = new Map<string, string>();
    session.connectToMainThread();
    session.on('Debugger.scriptParsed', ({ params }) => void urls.set(params.scriptId, params.url));
    session.on('Debugger.paused', ({ params }) => {
      const [top] = params.callFrames;
      if (!top) return;
      const files = params.callFrames.map(({ location }: CallFrame) => urls.get(location.scriptId) ?? '');
      const ask = (expression: string, answered: (value: unknown) => void): void =>
        session.post('Debugger.evaluateOnCallFrame', { callFrameId: top.callFrameId, expression }, (_, answer) =>
          answered(answer?.result.value),
        );
      ask(STACK, (stack) =>
        resolve({
          places: placesOf(stack),
          isOurs: isOursIn(files, flowFolder),
          exit: (code) => ask(`globalThis.process.exit(${code})`, () => undefined),
        }),
      );
    });
    session.post('Debugger.enable');
    session.post('Debugger.pause');
  });
