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

/** One question about the installation, answered. */
export interface Examination {
  readonly title: string;
  /** What was asked, and whom. */
  readonly asks: string;
  /** Why all is well, in a few words; null where something is to be mended. */
  readonly detail: string | null;
  /** What would be better, and is no problem. */
  readonly warning: Finding | null;
  readonly problems: readonly Finding[];
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
  /** Asks everything anew, as the doctor's command does, and changes nothing; calls at the same time share one run. */
  examine(): Promise<readonly Examination[]>;
}
