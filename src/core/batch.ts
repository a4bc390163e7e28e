/**
 * Answers single questions with one query: what is asked in the same moment is loaded together, each key once. Nothing is
 * kept afterwards. `load` gives one value per key, in the keys' order.
 */
export const createBatch = <Key, Value>(
  load: (keys: readonly Key[]) => Promise<readonly Value[]>,
): ((key: Key) => Promise<Value>) => {
  let waiting: { readonly keys: Key[]; readonly values: Promise<readonly Value[]> } | undefined;

  const open = () => {
    const keys: Key[] = [];
    // Resolvers of one level run in promise jobs of the same turn: the next turn sees all their questions.
    const values = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      waiting = undefined;
      return load(keys);
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
