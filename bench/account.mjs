/** The account that every order of a benchmark belongs to. */
export const ACCOUNT = 'bench';
