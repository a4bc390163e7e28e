/** A control request that can't be understood; answered with 400 and this message. */
export class ControlError extends Error {
  constructor(
    message: string,
    readonly status = 400,
  ) {
    super(message);
  }
}

export type JsonHash = Readonly<Record<string, unknown>>;

export const isHash = (value: unknown): value is JsonHash =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The JSON object of a control request; empty text is the empty object. */
export const readJson = (body: string): JsonHash => {
  if (body.trim() === '') return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    throw new ControlError('The body is no JSON.');
  }
  if (!isHash(parsed)) throw new ControlError('The body is no JSON object.');
  return parsed;
};

const wrong = (name: string, what: string): ControlError => new ControlError(`${name} must be ${what}.`);

export const optionalString = (hash: JsonHash, name: string): string | undefined => {
  const value = hash[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw wrong(name, 'a string');
  return value;
};

export const string = (hash: JsonHash, name: string): string => {
  const value = optionalString(hash, name);
  if (value === undefined) throw new ControlError(`${name} is missing.`);
  return value;
};

export const optionalNumber = (hash: JsonHash, name: string): number | undefined => {
  const value = hash[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) throw wrong(name, 'a number of at least 0');
  return value;
};

export const optionalBoolean = (hash: JsonHash, name: string): boolean | undefined => {
  const value = hash[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'boolean') throw wrong(name, 'true or false');
  return value;
};

/** Refuses names that mean nothing here, so that a misspelt one isn't ignored. */
export const onlyNames = (hash: JsonHash, names: readonly string[]): void => {
  const unknown = Object.keys(hash).find((name) => !names.includes(name));
  if (unknown !== undefined) throw new ControlError(`${unknown} means nothing here; there are ${names.join(', ')}.`);
};
