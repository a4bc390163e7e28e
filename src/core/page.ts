/** One page of a list, newest first. */
export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly hasNextPage: boolean;
}

/** What every list takes: at most `first` rows, those after the row with the id `after`. */
export interface PageRequest {
  /** 1 to 100. */
  readonly first: number;
  /** The id of the last row of the page before; undefined for the first page. */
  readonly after?: string;
}
