const LARGEST = 9_223_372_036_854_775_807n;

/** Whether a client's id has the form of ours (a positive 64-bit integer); any other finds nothing. */
export const isNodeId = (id: string): boolean => /^[1-9]\d{0,18}$/.test(id) && BigInt(id) <= LARGEST;
