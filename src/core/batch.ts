/**
 * Answers single questions with one query: what is asked in the same moment is loaded together, and while `atOnce` loads are
 * under way, what is asked meanwhile goes into the next. So an answer is never older than its question. Nothing is kept
 * afterwards. `load` gives one value per key, in the keys' order.
 *
 * @param atOnce how many loads may be under way; without a bound unless told
 */
export const createBatch = <Key, Value>(
  load: (keys: readonly Key[]) => Promise<readonly Value[]>,
  { atOnce = Number.POSITIVE_INFINITY }: { readonly atOnce?: number } = {},
): ((key: Key) => Promise<Value>) => {
  let waiting: { readonly keys: Key[]; readonly values: Promise<readonly Value[]> } | undefined;
  let running = 0;
  /** Begins the load that waits for one to end. */
  let begin: (() => void) | undefined;

  const run = async (keys: readonly Key[]): Promise<readonly Value[]> => {
    running += 1;
    try {
      return await load(keys);
    } finally {
      running -= 1;
      begin?.();
    }
  };
  const turn = async (): Promise<void> => {
    // Resolvers of one level run in promise jobs of the same turn: the next turn sees all their questions.
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (running < atOnce) return;
    await new Promise<void>((resolve) => {
      begin = resolve;
    });
    begin = undefined;
  };
  const open = () => {
    const keys: Key[] = [];
    const values = turn().then(() => {
      waiting = undefined;
      return run(keys);
    });
    return { keys, values };
  };

  return async (key) => {
    waiting ??= open();
    const { keys, values } = waiting;
    const place = keys.push(key) - 1;
    const loaded = await values;
    if (loaded.length !== keys.length) throw new Error('A batch must give one value per key.');
    return loaded[place] as Value;
  };
};
