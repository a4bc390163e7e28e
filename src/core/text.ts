/** A high surrogate without its low one, or a low one alone: no character, and no UTF-8 can hold it. */
const LONE_SURROGATE = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/;

/**
 * What keeps a text from being stored as it is, in words; undefined for a good one. PostgreSQL's text holds no NUL, and
 * UTF-8 no unpaired surrogate: it would become U+FFFD, and two texts one. Source: PostgreSQL docs, "Character Types";
 * RFC 3629, section 3.
 */
export const faultOfText = (text: string): string | undefined => {
  if (text.includes('\0')) return 'the character NUL (U+0000)';
  if (LONE_SURROGATE.test(text)) return 'half of a surrogate pair (U+D800 to U+DFFF)';
  return undefined;
};

/** A text that can't be stored, and where it stands. */
export interface TextFault {
  /** Names and indexes from the outside in, with dots between: `input.metadata.note`. */
  readonly path: string;
  /** In words. */
  readonly fault: string;
}

/** Looks through a value of JSON, names of fields included; the first fault, or undefined. `path` names the value itself. */
export const findTextFault = (value: unknown, path = ''): TextFault | undefined => {
  if (typeof value === 'string') {
    const fault = faultOfText(value);
    return fault === undefined ? undefined : { path, fault };
  }
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [name, held] of Object.entries(value)) {
    const fault = faultOfText(name);
    if (fault !== undefined) return { path, fault: `a name with ${fault}` };
    const inner = findTextFault(held, path === '' ? name : `${path}.${name}`);
    if (inner) return inner;
  }
  return undefined;
};
