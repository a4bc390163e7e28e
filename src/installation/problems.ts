/** Something that an operator should mend. */
export interface Finding {
  readonly code: string;
  readonly message: string;
  /** What to do, in words. */
  readonly remedy: string;
  /** What it is about, where several of one code may stand side by side; one that is told is known again by code and subject. */
  readonly subject?: string | undefined;
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
  /** The same as found, however long whoever is asked takes to answer; `anew`: nobody's answer of before is used. */
  findings(how: { readonly anew: boolean }): Promise<readonly Finding[]>;
}
