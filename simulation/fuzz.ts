import type { Random } from './random.js';

/** A way in for bytes that nobody vouches for. */
export interface Door {
  /** Tries an input, and says what was wrong with what came of it; undefined where nothing was. */
  attempt(input: string): Promise<string | undefined>;
}

/** What ran of the code. */
export interface Coverage {
  /** The places that ran since it was last asked, and never before. */
  takeNew(): Promise<ReadonlySet<string>>;
  /** Those of these places that ran since it was last asked. */
  takeAny(places: ReadonlySet<string>): Promise<readonly string[]>;
}

/** What is thrown at a door, and for how long. */
export interface Fuzzing {
  readonly door: Door;
  /** What comes of these is tried; what reaches new code is added. */
  readonly corpus: string[];
  readonly random: Random;
  readonly goesOn: () => boolean;
  readonly coverage: Coverage;
  readonly found: (input: string, wrong: string) => void;
}

const AWKWARD = [
  '',
  '\0',
  '\ud800',
  '-1',
  '0',
  '1e999',
  '9999999999999999999',
  'null',
  'true',
  '[]',
  '{}',
  '"',
  '\\',
  '\n',
  '__proto__',
  ' ',
  '🦜',
  '%',
  '../',
  '{"a":'.repeat(200),
  'x'.repeat(5_000),
];
const PIECE = 60;
/** To ask what ran takes as long as many inputs: it is asked of so many together, and of each only where they reached something. */
const BATCH = 20;
const NEWEST = 20;

const TEXTS = /"(?:\\.|[^"\\])*"/g;
const WORDS = /\w+/g;

/** Another value in the place of one of these; the rest stays as it is, so that it is read as before. */
const withAnother = (
  input: string,
  kind: RegExp,
  { from, random }: { from: readonly string[]; random: Random },
): string => {
  const found = [...input.matchAll(kind)];
  if (found.length === 0) return input;
  const { index, 0: text } = random.pick(found);
  const numbers = [String(random.between(0, 10 ** random.between(1, 6)))];
  const value = random.pick(random.pick([AWKWARD, numbers, from]));
  return input.slice(0, index) + (kind === TEXTS ? JSON.stringify(value) : value) + input.slice(index + text.length);
};

/** A neighbour of the input: some of it repeated, left out, swapped with another's, or made awkward. */
const neighbourOf = (input: string, others: readonly string[], random: Random): string => {
  const [from = 0, to = 0] = [random.between(0, input.length), random.between(0, input.length)].sort((a, b) => a - b);
  const piece = input.slice(from, Math.min(to, from + PIECE));
  const rest = input.slice(from + piece.length);
  const other = random.pick(others);
  const start = random.between(0, other.length);
  return random.pick([
    () => input.slice(0, from) + rest,
    () => input.slice(0, from) + piece + piece + rest,
    () => input.slice(0, from) + random.pick(AWKWARD) + rest,
    () => input.slice(0, from) + other.slice(start, start + random.between(1, 80)) + rest,
    () => input.slice(0, from) + String.fromCharCode(random.between(0, 255)) + input.slice(from + 1),
    () => withAnother(input, TEXTS, { from: other.match(WORDS) ?? AWKWARD, random }),
    () => withAnother(input, WORDS, { from: other.match(WORDS) ?? AWKWARD, random }),
  ])();
};

/**
 * Tries the corpus, then what comes of it by chance; those that led to new code more often. Gives how many of the latter there were. `found`
 * may be told of an input more than once.
 */
export const fuzz = async ({ door, corpus, random, goesOn, coverage, found }: Fuzzing): Promise<number> => {
  const attempt = async (input: string): Promise<void> => {
    const wrong = await door.attempt(input).catch((error: unknown) => `the door fell: ${String(error)}`);
    if (wrong !== undefined) found(input, wrong);
  };
  const next = (): string => {
    let input = random.pick(random.chance(0.5) ? corpus.slice(-NEWEST) : corpus);
    for (let times = random.between(1, 4); times > 0; times -= 1) input = neighbourOf(input, corpus, random);
    return input;
  };
  for (const input of corpus) await attempt(input);
  await coverage.takeNew();
  let tried = 0;
  while (goesOn()) {
    const batch = Array.from({ length: BATCH }, next);
    for (const input of batch) await attempt(input);
    tried += BATCH;
    const places = new Set(await coverage.takeNew());
    for (const input of batch) {
      if (places.size === 0) break;
      await attempt(input);
      const ran = await coverage.takeAny(places);
      if (ran.length > 0) corpus.push(input);
      for (const place of ran) places.delete(place);
    }
  }
  return tried;
};
