// The ways in which a source may be wrong by one sign, and what each would be: for scripts/mutate.mjs.
import { transformSync } from 'esbuild';
import { parseAst } from 'vitest/node';

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
  [/(?<=[\s([])\d[\d_]*(?=[\s,;)\]])/g, (text) => (text === '0' ? '1' : `${text}1`)],
];
const SAID = /'[A-Z][A-Z_]+'/g;

/** Comments, texts and patterns, which no sign is searched in. */
const MUTE =
  /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/(?![*/ ])(?:\\.|\[[^\]]*\]|[^/\\\n])+\/[a-z]*/g;
const COMMENT = /\/\*[\s\S]*?\*\/|\/\/[^\n]*/g;
const blank = (text) => text.replace(/[^\n]/g, '\u0000');

const asJavaScript = (text) => {
  try {
    return transformSync(text, { loader: 'ts', target: 'node20' }).code;
  } catch {
    return undefined;
  }
};

const replaceAt = (source, at, { from, to }) => source.slice(0, at) + to + source.slice(at + from.length);

/** Every node that is run, with whether it is run as the module is loaded, and not by a function. */
const runNodes = (source) => {
  const nodes = [];
  const visit = (node, parent, isStatic) => {
    if (Array.isArray(node)) for (const each of node) visit(each, parent, isStatic);
    if (typeof node?.type !== 'string') return;
    const isTypeOnly = node.type.startsWith('TS') && node.expression === undefined;
    if (isTypeOnly || /^(Import|ExportAll)/.test(node.type)) return;
    nodes.push({ node, parent, isStatic });
    if (node.type.startsWith('TS')) return visit(node.expression, node, isStatic);
    const inside = isStatic && !/Function/.test(node.type);
    for (const [name, child] of Object.entries(node))
      if (child !== null && typeof child === 'object' && !(name === 'key' && !node.computed))
        visit(child, node, inside);
  };
  visit(parseAst(source, { lang: 'ts' }).body, undefined, true);
  return nodes;
};

/** The expression whose value differs where the text at a place does. */
const expressionAt = (nodes, at) => {
  const holding = nodes.filter(({ node }) => node.start <= at && at < node.end);
  const innermost = holding.sort((a, b) => a.node.end - a.node.start - (b.node.end - b.node.start))[0];
  return /^(Binary|Logical|Unary)Expression$|^Literal$/.test(innermost?.node.type) ? innermost : undefined;
};

/** By the syntax: conditions that are inverted, and calls that are left out. */
const wholeExpressions = (source, nodes) =>
  nodes.flatMap(({ node, parent, isStatic }) => {
    const text = source.slice(node.start, node.end);
    const isCondition = parent?.test === node && /^(If|While|Conditional)/.test(parent.type);
    const isDeed = parent?.type === 'ExpressionStatement' && /^(Await|Call)Expression$/.test(node.type);
    const becomes = [...(isCondition ? [`!(${text})`] : []), ...(isDeed ? ['undefined'] : [])];
    return becomes.map((to) => ({ at: node.start, from: text, to, node, isStatic }));
  });

/** By their signs: operators, numbers, texts. */
const signs = (source, nodes) => {
  const code = source.replace(MUTE, blank);
  const spoken = source.replace(COMMENT, blank);
  const found = [];
  const add = (at, from, to) => {
    const holder = expressionAt(nodes, at + (from.length - from.trimStart().length));
    if (holder) found.push({ at, from, to, ...holder });
  };
  for (const [sign, becomes] of SWAPS)
    for (const match of code.matchAll(sign))
      add(match.index, match[0], typeof becomes === 'string' ? becomes : becomes(match[0]));
  for (const match of spoken.matchAll(SAID)) add(match.index, match[0], `'NEVER_SAID'`);
  return found;
};

/**
 * Each text that the source could be by one wrong sign, where, and the expression that it makes another. `isStatic`: it is run as the
 * module is loaded. Those that mean the same to a machine are left out.
 */
export const mutantsOf = (source) => {
  const nodes = runNodes(source);
  const honest = asJavaScript(source);
  return [...signs(source, nodes), ...wholeExpressions(source, nodes)]
    .map(({ at, from, to, node: { start, end }, isStatic }) => {
      const text = replaceAt(source, at, { from, to });
      const instead = text.slice(start, end + text.length - source.length);
      const line = source.slice(0, at).split('\n').length;
      return { line, from: from.trim(), to: to.trim(), text, start, end, instead, isStatic };
    })
    .filter(({ text }) => ![undefined, honest].includes(asJavaScript(text)))
    .sort((a, b) => a.line - b.line)
    .map((mutant, id) => ({ ...mutant, id }));
};

/** The source with all of these in it: `isMutant(id)` says at each place, as it is reached, whether it is wrong now. */
export const withSwitches = (source, mutants) => {
  const spans = new Map();
  for (const mutant of mutants) {
    const key = `${mutant.start}-${mutant.end}`;
    spans.set(key, [...(spans.get(key) ?? []), mutant]);
  }
  const ordered = [...spans.values()].sort(([a], [b]) => a.start - b.start || b.end - a.end);
  const render = (from, to) => {
    let text = '';
    let at = from;
    while (ordered.length > 0 && ordered[0][0].start < to) {
      const [{ start, end }] = ordered[0];
      const here = ordered.shift();
      text += source.slice(at, start);
      const inner = `(${render(start, end)})`;
      text += here.reduce((rest, { id, instead }) => `(isMutant(${id}) ? (${instead}) : ${rest})`, inner);
      at = end;
    }
    return text + source.slice(at, to);
  };
  return render(0, source.length);
};
