#!/usr/bin/env node
// Checks Stripe API objects (responses, webhook payloads) against component schemas of an OpenAPI-shaped file, with Ajv.
// usage: node validate-objects.mjs [--spec stripe-spec-trimmed.json] [--json] [--no-unknown] [--quiet] FILE|DIR|- ...
//   each FILE holds one JSON object with an `object` field, a list/array of them, one per line (.jsonl),
//   or {resources:{...}} (fixtures3.json). Exit status 1 if there is any 'error'.
// levels: error (wrong type, missing non-null field, closed enum), enum-open (value outside an enum that Stripe may extend),
//   absent (a nullable field that Stripe always sends is left out), unknown (a field the schema does not have).
// As a module: import { makeValidator } from './validate-objects.mjs'; const v = makeValidator(specJson); v.check(obj) -> [{level,path,msg}]
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import Ajv2019 from 'ajv/dist/2019.js';

const REF = '#/components/schemas/';
export function makeValidator(spec) {
  const comps = spec.components.schemas;
  const ajv = new Ajv2019.default({ allErrors: true, strict: false, validateFormats: false, verbose: true,
    // A run checks tens of thousands of objects: compiling costs more than checking, so it is kept cheap.
    inlineRefs: false, code: { optimize: false } });
  const compiled = new Map();
  const literal = (name) => { const e = comps[name]?.properties?.object?.enum; return e && e.length === 1 ? e[0] : null; };

  // OpenAPI 3.0 schema -> JSON Schema 2019-09
  function conv(s) {
    if (s === true || s === false) return s;
    if (!s || typeof s !== 'object') return {};
    if (s.$ref && Object.keys(s).length === 1) return { $ref: 'x:' + s.$ref.slice(REF.length) };
    const o = s.nullable ? { 'x-nullable': true } : {};
    if (s['x-open-enum']) o['x-open-enum'] = true;
    if (s.$ref) o.allOf = [{ $ref: 'x:' + s.$ref.slice(REF.length) }];
    if (s.type) o.type = s.nullable ? [s.type, 'null'] : s.type;
    if (s.enum) o.enum = s.nullable && !s.enum.includes(null) ? [...s.enum, null] : s.enum;
    for (const k of ['maxLength', 'minLength', 'minimum', 'maximum', 'pattern', 'minItems', 'maxItems']) if (k in s) o[k] = s[k];
    if (s.items) o.items = conv(s.items);
    if (s.required) o.required = s.required;
    if (s.properties) o.properties = Object.fromEntries(Object.entries(s.properties).map(([k, v]) => [k, conv(v)]));
    if ('additionalProperties' in s) o.additionalProperties = conv(s.additionalProperties);
    else if (s.properties && Object.keys(s.properties).length) o.additionalProperties = s['x-stub'] ? true : false;
    if (s.anyOf || s.oneOf) {
      const alts = s.anyOf || s.oneOf;
      const named = alts.filter((a) => a.$ref && literal(a.$ref.slice(REF.length)));
      const byDeleted = (n) => n.startsWith('deleted_');
      if (alts.length === 1 && alts[0].$ref && s.nullable) {
        o.if = { type: 'object' }; o.then = conv(alts[0]); o.else = { type: 'null' };
      } else if (named.length && named.length === alts.filter((a) => a.$ref).length) {
        // an expandable field: pick the branch by the `object` (and `deleted`) field, so that messages stay readable
        const plain = alts.filter((a) => !a.$ref).map(conv);
        if (s.nullable) plain.push({ type: 'null' });
        const lits = [...new Set(named.map((a) => literal(a.$ref.slice(REF.length))))];
        o.if = { type: 'object' };
        o.then = { required: ['object'], properties: { object: { enum: lits } },
          allOf: named.map((a) => { const n = a.$ref.slice(REF.length); const lit = literal(n);
            const twin = named.some((b) => b !== a && literal(b.$ref.slice(REF.length)) === lit);
            const cond = { properties: { object: { const: lit } }, required: ['object'] };
            if (twin) { if (byDeleted(n)) { cond.properties.deleted = { const: true }; cond.required = ['object', 'deleted']; } else cond.not = { properties: { deleted: { const: true } }, required: ['deleted'] }; }
            return { if: cond, then: conv(a) }; }) };
        o.else = plain.length ? { anyOf: plain } : false;
      } else {
        o.anyOf = alts.map(conv);
        if (s.nullable) o.anyOf.push({ type: 'null' });
      }
    }
    if (s.nullable && !s.type && !s.anyOf && !s.oneOf && s.$ref) { o.anyOf = [{ $ref: o.allOf[0].$ref }, { type: 'null' }]; delete o.allOf; }
    return o;
  }
  for (const [n, s] of Object.entries(comps)) ajv.addSchema({ $id: 'x:' + n, ...conv(s) }, 'x:' + n);
  const get = (n) => { if (!compiled.has(n)) compiled.set(n, ajv.getSchema('x:' + n) || null); return compiled.get(n); };
  const short = (v) => { const t = JSON.stringify(v); return t === undefined ? 'undefined' : t.length > 80 ? t.slice(0, 77) + '...' : t; };

  function run(name, obj) {
    const f = get(name);
    if (!f) return [{ level: 'error', path: '', msg: `the file has no schema '${name}'` }];
    if (f(obj)) return [];
    const noise = new Set(['if', 'anyOf']);
    const out = []; const anyParents = f.errors.filter((e) => e.keyword === 'anyOf').map((e) => e.schemaPath);
    for (const e of f.errors) {
      if (e.keyword === 'if') continue;
      const inAny = anyParents.some((p) => e.schemaPath !== p && e.schemaPath.startsWith(p + '/'));
      if (inAny) continue;
      const at = e.instancePath || '/';
      if (e.keyword === 'additionalProperties') out.push({ level: 'unknown', path: `${e.instancePath}/${e.params.additionalProperty}`, msg: 'field is not in the schema' });
      else if (e.keyword === 'required') { const nul = e.parentSchema?.properties?.[e.params.missingProperty]?.['x-nullable']; out.push({ level: nul ? 'absent' : 'error', path: `${e.instancePath}/${e.params.missingProperty}`, msg: nul ? 'always-present nullable field is missing (Stripe sends null)' : 'required field is missing' }); }
      else if (e.keyword === 'enum') out.push({ level: e.parentSchema && e.parentSchema['x-open-enum'] ? 'enum-open' : 'error', path: at, msg: `${short(e.data)} is not one of ${short(e.params.allowedValues)}` });
      else if (e.keyword === 'anyOf') out.push({ level: 'error', path: at, msg: `${short(e.data)} fits none of the alternatives` });
      else if (!noise.has(e.keyword)) out.push({ level: 'error', path: at, msg: `${e.message} (value ${short(e.data)})` });
    }
    const seen = new Set();
    return out.filter((x) => { const k = x.level + x.path + x.msg; if (seen.has(k)) return false; seen.add(k); return true; });
  }
  function nameFor(o) {
    if (o.deleted === true && (comps['deleted_' + o.object] || !comps[o.object]?.properties?.deleted)) return 'deleted_' + o.object;
    return o.object;
  }
  function check(o) {
    if (!o || typeof o !== 'object') return [{ level: 'error', path: '', msg: 'not an object' }];
    if (o.error && !o.object) {
      const e = o.error; const types = ['api_error', 'card_error', 'idempotency_error', 'invalid_request_error', 'rate_limit_error', 'authentication_error', 'permission_error'];
      return types.includes(e.type) ? [] : [{ level: 'error', path: '/error/type', msg: `${short(e.type)} is not one of Stripe's error types` }];
    }
    if (o.object === 'list' || o.object === 'search_result') {
      const out = [];
      for (const k of ['data', 'has_more', 'url']) if (!(k in o)) out.push({ level: 'error', path: '/' + k, msg: 'required field is missing' });
      (o.data || []).forEach((x, i) => check(x).forEach((v) => out.push({ ...v, path: `/data/${i}${v.path}` })));
      return out;
    }
    if (typeof o.object !== 'string') return [{ level: 'error', path: '/object', msg: 'no `object` field' }];
    if (o.object !== 'event') return run(nameFor(o), o);
    const out = run('event', { ...o, data: { ...o.data, object: {} } }).filter((v) => !v.path.startsWith('/data/object'));
    const inner = o.data && o.data.object;
    if (!inner) out.push({ level: 'error', path: '/data/object', msg: 'required field is missing' });
    else {
      const t = spec['x-event-types'];
      if (t && !t[o.type]) out.push({ level: 'error', path: '/type', msg: `${short(o.type)} is not a known event type` });
      else if (t && t[o.type].length && !t[o.type].includes(nameFor(inner)) && !t[o.type].includes(inner.object)) out.push({ level: 'error', path: '/data/object/object', msg: `${o.type} carries ${t[o.type].join('|')}, not ${short(inner.object)}` });
      check(inner).forEach((v) => out.push({ ...v, path: '/data/object' + v.path }));
    }
    return out;
  }
  return { check, version: spec.info.version, names: Object.keys(comps).filter((n) => literal(n)) };
}

if (process.argv[1] && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const argv = process.argv.slice(2);
  const opt = (k, d) => { const i = argv.indexOf(k); if (i < 0) return d; const v = argv[i + 1]; argv.splice(i, 2); return v; };
  const flag = (k) => { const i = argv.indexOf(k); if (i < 0) return false; argv.splice(i, 1); return true; };
  const here = path.dirname(fileURLToPath(import.meta.url));
  const specFile = opt('--spec', path.join(here, 'stripe-spec-trimmed.json'));
  const json = flag('--json'); const noUnknown = flag('--no-unknown'); const quiet = flag('--quiet');
  const v = makeValidator(JSON.parse(fs.readFileSync(specFile)));
  const inputs = [];
  const addFile = (f) => {
    const text = f === '-' ? fs.readFileSync(0, 'utf8') : fs.readFileSync(f, 'utf8');
    const docs = f.endsWith('.jsonl') ? text.split('\n').filter((l) => l.trim()).map((l) => JSON.parse(l)) : [JSON.parse(text)];
    for (const d of docs) {
      if (d && d.resources) for (const [n, o] of Object.entries(d.resources)) inputs.push([`${f}#${n}`, o]);
      else if (Array.isArray(d)) d.forEach((o, i) => inputs.push([`${f}[${i}]`, o]));
      else inputs.push([f, d]);
    }
  };
  const walk = (f) => { if (f !== '-' && fs.statSync(f).isDirectory()) fs.readdirSync(f).sort().forEach((x) => walk(path.join(f, x))); else if (f === '-' || /\.jsonl?$/.test(f)) addFile(f); };
  argv.forEach(walk);
  let bad = 0; let errors = 0; let none = 0; const tally = {};
  for (const [label, o] of inputs) {
    let vs = v.check(o);
    if (noUnknown) vs = vs.filter((x) => x.level !== 'unknown');
    if (vs.length === 1 && /has no schema/.test(vs[0].msg)) { none++; if (!quiet) console.log(`SKIP ${label}: ${vs[0].msg}`); continue; }
    const e = vs.filter((x) => x.level === 'error').length;
    errors += e; for (const x of vs) tally[x.level] = (tally[x.level] || 0) + 1; if (e) bad++;
    if (json) console.log(JSON.stringify({ label, object: o.object, type: o.type, violations: vs }));
    else if (!quiet || vs.length) {
      console.log(`${e ? 'FAIL' : vs.length ? 'warn' : 'ok  '} ${label} (${o.object}${o.type && o.object === 'event' ? ' ' + o.type : ''})`);
      if (!quiet) for (const x of vs) console.log(`     ${x.level.padEnd(8)} ${x.path}: ${x.msg}`);
    }
  }
  console.log(`# spec ${v.version}: ${inputs.length} objects, ${bad} with errors; ${JSON.stringify(tally)}; ${none} without a schema`);
  process.exitCode = bad ? 1 : 0;
}
