/** One call and its answer, by one clock. */
export interface Operation<I, O> {
  readonly input: I;
  /** Undefined: the answer was lost. Whether and when it took effect, nobody knows. */
  readonly output: O | undefined;
  readonly calledAt: number;
  /** Infinity where the answer was lost. */
  readonly answeredAt: number;
}

/** What operations come to when they run one after the other. */
export interface SequentialModel<S, I, O> {
  readonly initial: S;
  /** The states after `input` in which it may have given this output; none where it can't have. */
  step(state: S, input: I, output: O | undefined): readonly S[];
  /** The same for equal states alone. */
  keyOf(state: S): string;
}

/** Which operations, by their index, may come next: no other that is left was answered before they were called. */
const nextOf = <I, O>(history: readonly Operation<I, O>[], done: ReadonlySet<number>): number[] => {
  const left = history.flatMap((operation, index) => (done.has(index) ? [] : [{ ...operation, index }]));
  const firstAnswer = Math.min(...left.map(({ answeredAt }) => answeredAt));
  return left.filter(({ calledAt }) => calledAt <= firstAnswer).map(({ index }) => index);
};

/**
 * One order of a history's operations, by their indexes, in which each gave what it would have given alone, and that keeps the order of those
 * that didn't overlap; undefined where there is none. What got no answer may be left out.
 *
 * Source: Wing and Gong, "Testing and verifying concurrent objects" (1993); what was seen to lead nowhere is remembered as in
 * Lowe, "Testing for linearizability" (2017).
 */
export const findLinearization = <S, I, O>(
  model: SequentialModel<S, I, O>,
  history: readonly Operation<I, O>[],
): readonly number[] | undefined => {
  const answered = history.flatMap(({ output }, index) => (output === undefined ? [] : [index]));
  const deadEnds = new Set<string>();

  const search = (state: S, done: ReadonlySet<number>, order: readonly number[]): readonly number[] | undefined => {
    if (answered.every((index) => done.has(index))) return order;
    const place = `${[...done].sort((a, b) => a - b).join(',')} ${model.keyOf(state)}`;
    if (deadEnds.has(place)) return undefined;
    for (const index of nextOf(history, done)) {
      const operation = history[index];
      if (!operation) continue;
      for (const next of model.step(state, operation.input, operation.output)) {
        const found = search(next, new Set([...done, index]), [...order, index]);
        if (found) return found;
      }
    }
    deadEnds.add(place);
    return undefined;
  };

  return search(model.initial, new Set(), []);
};
