/** Who has an account of their own. */
export const PEOPLE = ['ann', 'ben'] as const;

/** Who asks: one of the people, or an operator. */
export type Account = (typeof PEOPLE)[number] | 'admin';
