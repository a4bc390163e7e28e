/** An optional argument given as null is the same as one left out. */
export const given = <T extends object>(args: T) =>
  Object.fromEntries(Object.entries(args).filter(([, value]) => value != null)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
