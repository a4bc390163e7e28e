// The ways in which a source may be wrong by one sign, and what each would be: for scripts/mutate.mjs.
import { transformSync } from 'esbuild';

/** What is searched for in code, and what it becomes; a space on both sides keeps generics and arrows out. */
const SWAPS = [
  [/ === /g, ' !== '],
  [/ !== /g, ' === '],
  [/ && /g, ' || '],
  [/ \|\| /g, ' && '],
  [/ \?\? /g, ' && '],
  [/ < /g, ' <= '],
  [/ <= /g, ' < '],
  [/ > /g, ' >= '],
  [/ >= /g, ' > '],
  [/ \+ /g, ' - '],
  [/ - /g, ' + '],
  [/ \* /g, ' / '],
  [/ % /g, ' * '],
  [/\btrue\b/g, 'false'],
  [/\bfalse\b/g, 'true'],
  [/(?<![\w)\]])!(?=[\w(])/g, ''],
  [/\bif \((?!!)/g, 'if (!('],
  [/(?<=[\s([])\d[\d_]*(?=[\s,;)\]])/g, (text) => `${text}1`],
];
const SAID = /'[A-Z][A-Z_]+'/g;

/** Comments, texts and patterns, which no sign is searched in. */
const MUTE =
  /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/(?![*/ ])(?:\\.|\[[^\]]*\]|[^/\\\n])+\/[a-z]*/g;
const COMMENT = /\/\*[\s\S]*?\*\/|\/\/[^\n]*/g;
const blank = (text) => text.replace(/[^\n]/g, '\u0000');

/** The end of the condition that an `if (` at this place begins. */
const endOfCondition = (code, from) => {
  let depth = 0;
  for (let at = from; at < code.length; at += 1) {
    if (code[at] === '(') depth += 1;
    if (code[at] === ')') depth -= 1;
    if (depth === 0) return at;
  }
  return undefined;
};

const asJavaScript = (text) => {
  try {
    return transformSync(text, { loader: 'ts', target: 'node20' }).code;
  } catch {
    return undefined;
  }
};

const replaceAt = (source, at, { from, to }) => source.slice(0, at) + to + source.slice(at + from.length);

/** Each text that the source could be by one wrong sign, and where; those that mean the same to a machine are left out. */
export const mutantsOf = (source) => {
  const code = source.replace(MUTE, blank);
  const spoken = source.replace(COMMENT, blank);
  const found = [];
  const add = (at, from, to) => {
    const text = replaceAt(source, at, { from, to });
    found.push({ line: source.slice(0, at).split('\n').length, from: from.trim(), to: to.trim(), text });
  };
  for (const [sign, becomes] of SWAPS)
    for (const match of code.matchAll(sign)) {
      const [from] = match;
      if (from !== 'if (') {
        add(match.index, from, typeof becomes === 'string' ? becomes : becomes(from));
        continue;
      }
      const end = endOfCondition(code, match.index + 3);
      if (end === undefined) continue;
      const whole = source.slice(match.index, end + 1);
      add(match.index, whole, `if (!(${whole.slice(4, -1)}))`);
    }
  for (const match of spoken.matchAll(SAID)) add(match.index, match[0], `'NEVER_SAID'`);
  const honest = asJavaScript(source);
  return found.filter(({ text }) => ![undefined, honest].includes(asJavaScript(text))).sort((a, b) => a.line - b.line);
};
