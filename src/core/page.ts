/** One page of a list, newest first. */
export interface Page<Row> {
  readonly rows: readonly Row[];
  /** Whether older ones follow. */
  readonly hasNextPage: boolean;
  /** Whether newer ones stand before; left out where the page was read from its beginning. */
  readonly hasPreviousPage?: boolean;
}

/** What every list takes: at most `first` rows, those after the row with the id `after`. */
export interface PageRequest {
  /** 1 to 100 for a client. */
  readonly first: number;
  /** The id of the last row of the page before; undefined for the first page. */
  readonly after?: string;
}

/** A list that is read in both directions takes this too. */
export interface PageOfBoth extends PageRequest {
  /** The id of the first row of the page behind. */
  readonly before?: string;
  /** The `first` is counted from the end of what is meant. */
  readonly fromEnd?: true;
  /** So many rows are passed over: to ask whether there are more than that. */
  readonly skip?: number;
}
