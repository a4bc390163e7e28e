import { DEADLINES } from '../core/deadlines.js';

/** What became of an answer: applied, or nothing was written, because the row moved since it was asked for. */
export type AppliedOrMoved<Row, Done> =
  | { readonly moved: false; readonly done: Done }
  | { readonly moved: true; readonly row: Row };

/** How Stripe's present state of one row's object is read and applied. */
export interface Applying<Row, Answer, Done> {
  read(): Promise<Answer>;
  /** Applies the answer under the row's lock, unless the row is another version than `known`. */
  apply(known: Row, answer: Answer): Promise<AppliedOrMoved<Row, Done>>;
  /** Reads the object of the row as it is by now. */
  readAgain(row: Row, answer: Answer): Promise<Answer>;
}

/**
 * Applies what Stripe says of a row to the row that it was asked for. An answer that was on its way while a webhook moved the
 * row may be older than the row: Stripe is read again, a few times; a row that keeps moving comes back as `moved`.
 */
export const applyOrReadAgain = async <Row, Answer, Done>(
  known: Row,
  { read, apply, readAgain }: Applying<Row, Answer, Done>,
): Promise<AppliedOrMoved<Row, Done>> => {
  let answer = await read();
  let outcome = await apply(known, answer);
  for (let tries = 2; outcome.moved && tries <= DEADLINES.applyTries; tries += 1) {
    answer = await readAgain(outcome.row, answer);
    outcome = await apply(outcome.row, answer);
  }
  return outcome;
};
