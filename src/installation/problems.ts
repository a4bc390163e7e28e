/** Something that an operator should mend. */
export interface Finding {
  readonly code: string;
  readonly message: string;
  /** What to do, in words. */
  readonly remedy: string;
  /** Since when, where the data tell it. */
  readonly since?: Date | undefined;
}

/** Something that the operator should mend, with the remedy in words. */
export interface Problem extends Finding {
  readonly since: Date;
}

/** What an operator should mend in this installation. */
export interface Problems {
  /**
   * The problems of this moment. What Stripe and the network say is a minute old at the most, what
   * whole tables say ten minutes.
   */
  list(): Promise<readonly Problem[]>;
}
