#!/usr/bin/env node
// A recorder that stands between a Stripe client and a Stripe-compatible server and checks every form-encoded request
// (method, path, headers, bracket encoding, unknown / missing / wrongly typed parameters, enums) against an OpenAPI-shaped file.
// usage: node validate-requests.mjs --port 4600 [--upstream http://127.0.0.1:12111] [--spec stripe-spec-trimmed.json]
//        [--log requests.jsonl] [--objects] [--strict]
//   without --upstream it answers by itself: the fixture of the operation's response object (data/fixtures3.json) or {}
//   --objects  also checks the upstream's response bodies with validate-objects.mjs
//   --strict   answers 400 instead of forwarding when a request has an 'error'
//   GET /__referee/report -> JSON of all that was seen; POST /__referee/reset
// As a module: import { makeRequestChecker } ...; makeRequestChecker(spec).check({method, url, headers, body})
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeValidator } from './validate-objects.mjs';

const REF = '#/components/schemas/';
const FORM = 'application/x-www-form-urlencoded';

// 'a[b][0]=x' -> nested containers; a container is a Map so that order and duplicates can be judged
function parseForm(text) {
  const root = new Map(); const problems = [];
  for (const piece of String(text || '').split('&')) {
    if (!piece) continue;
    const eq = piece.indexOf('=');
    const dec = (s) => { try { return decodeURIComponent(s.replace(/\+/g, ' ')); } catch { problems.push(`bad percent-encoding in '${s}'`); return s; } };
    const key = dec(eq < 0 ? piece : piece.slice(0, eq)); const value = dec(eq < 0 ? '' : piece.slice(eq + 1));
    if (eq < 0) problems.push(`'${key}' has no '='`);
    const m = /^([^[\]]+)((?:\[[^[\]]*\])*)$/.exec(key);
    if (!m) { problems.push(`malformed key '${key}'`); continue; }
    const parts = [m[1], ...[...m[2].matchAll(/\[([^[\]]*)\]/g)].map((x) => x[1])];
    let at = root; let ok = true;
    for (let i = 0; i < parts.length; i++) {
      let k = parts[i];
      if (k === '') k = String([...at.keys()].filter((x) => /^\d+$/.test(x)).length); // 'a[]'
      if (i === parts.length - 1) {
        if (at.has(k)) problems.push(at.get(k) instanceof Map ? `'${key}' is both a value and a hash` : `'${key}' is given twice`);
        at.set(k, value);
      } else {
        if (at.has(k) && !(at.get(k) instanceof Map)) { problems.push(`'${key}' is both a value and a hash`); ok = false; break; }
        if (!at.has(k)) at.set(k, new Map());
        at = at.get(k);
      }
    }
    if (!ok) continue;
  }
  return { root, problems };
}

// What a browser may call with the publishable key: it proves itself by the client secret, or makes a payment method.
const BROWSER_CALLS = new Set(['get /v1/payment_intents/{id}', 'post /v1/payment_intents/{id}/confirm', 'get /v1/setup_intents/{id}', 'post /v1/setup_intents/{id}/confirm', 'post /v1/payment_methods']);
const BROWSER_PARAMS = ['key', '_stripe_version', 'payment_user_agent', 'client_attribution_metadata', 'guid', 'muid', 'sid', 'time_on_page', 'referrer', 'pasted_fields', 'expected_payment_method_type'];

export function makeRequestChecker(spec) {
  const comps = spec.components.schemas;
  const deref = (s) => { let n = 0; while (s && s.$ref && n++ < 20) s = comps[s.$ref.slice(REF.length)] || {}; return s || {}; };
  const routes = Object.entries(spec.paths).map(([tpl, ops]) => ({
    tpl, ops, literals: tpl.split('/').filter((x) => x && !x.startsWith('{')).length,
    re: new RegExp('^' + tpl.split('/').map((x) => x.startsWith('{') ? '([^/]+)' : x.replace(/[.*+?^$()|[\]\\]/g, '\\$&')).join('/') + '$') }))
    .sort((a, b) => b.literals - a.literals);

  const isList = (m) => m.size > 0 && [...m.keys()].every((k) => /^\d+$/.test(k));
  function checkValue(schema, v, at) {
    const s = deref(schema);
    const alts = s.anyOf || s.oneOf;
    if (alts) {
      if (v === '' && s.nullable) return [];
      let best = null;
      for (const a of alts) { const r = checkValue(a, v, at); if (!r.length) return []; const w = r.length + (r.some((x) => x.shape) ? 1000 : 0); if (!best || w < best.w) best = { r, w }; }
      return best.r;
    }
    const err = (msg, extra) => [{ level: 'error', param: at, msg, ...extra }];
    if (v === '' && (s.nullable || (s.enum && s.enum.includes('')))) return [];
    const isMap = v instanceof Map;
    const type = s.type || (s.properties || s.additionalProperties ? 'object' : s.items ? 'array' : null);
    if (type === 'object') {
      if (!isMap) return v === '' && s['x-metadata'] ? [] : err(`expected a hash, got '${v}'`, { shape: true });
      return checkObject(s, v, at);
    }
    if (type === 'array') {
      if (!isMap) return err(`expected an array, got '${v}'`, { shape: true });
      if (!isList(v)) return err(`expected an array, got a hash with the keys ${[...v.keys()].join(', ')}`, { shape: true });
      const keys = [...v.keys()].map(Number); const out = [];
      if (!keys.every((k, i) => k === i)) out.push({ level: 'warn', param: at, msg: `array indexes are not 0..n in order: ${keys.join(',')}` });
      [...v.values()].forEach((x, i) => out.push(...checkValue(s.items || {}, x, `${at}[${i}]`)));
      if (s.maxItems && v.size > s.maxItems) out.push(...err(`more than ${s.maxItems} items`));
      return out;
    }
    if (isMap) return type ? err(`expected a ${type}, got a hash`, { shape: true }) : [];
    if (type === 'integer' && !/^-?\d+$/.test(v)) return err(`invalid integer: '${v}'`);
    if (type === 'number' && !/^-?\d+(\.\d+)?([eE][-+]?\d+)?$/.test(v)) return err(`invalid number: '${v}'`);
    if (type === 'boolean' && v !== 'true' && v !== 'false') return err(`invalid boolean: '${v}'`);
    if (s.enum && !s.enum.map(String).includes(v)) return [{ level: 'error', param: at, msg: `'${v}' is not one of ${s.enum.slice(0, 12).join(', ')}${s.enum.length > 12 ? ', …' : ''}` }];
    if (s.maxLength && [...v].length > s.maxLength) return err(`longer than ${s.maxLength} characters`);
    if (s.format === 'decimal' && !/^-?\d+(\.\d+)?$/.test(v)) return err(`invalid decimal: '${v}'`);
    if (s.format === 'unix-time' && v !== 'now' && !/^\d{1,11}$/.test(v)) return err(`not a unix time: '${v}'`);
    return [];
  }
  function checkObject(s, map, at) {
    const out = [];
    for (const r of s.required || []) if (!map.has(r)) out.push({ level: 'error', param: at ? `${at}[${r}]` : r, msg: 'required parameter is missing' });
    const isMeta = s['x-metadata'] || at === 'metadata' || /\[metadata\]$/.test(at);
    if (isMeta) {
      if (map.size > 50) out.push({ level: 'error', param: at, msg: 'more than 50 metadata keys' });
      for (const [k, v] of map) { if (k.length > 40) out.push({ level: 'error', param: `${at}[${k}]`, msg: 'metadata key longer than 40 characters' }); if (typeof v === 'string' && v.length > 500) out.push({ level: 'error', param: `${at}[${k}]`, msg: 'metadata value longer than 500 characters' }); if (v instanceof Map) out.push({ level: 'error', param: `${at}[${k}]`, msg: 'metadata value is a hash' }); }
      return out;
    }
    for (const [k, v] of map) {
      const p = at ? `${at}[${k}]` : k;
      const ps = s.properties && s.properties[k];
      if (ps) out.push(...checkValue(ps, v, p));
      else if (s.additionalProperties && typeof s.additionalProperties === 'object') out.push(...checkValue(s.additionalProperties, v, p));
      else if (s.properties || s.additionalProperties === false) out.push({ level: 'error', param: p, msg: 'unknown parameter' });
    }
    return out;
  }
  function check({ method, url, headers = {}, body = '' }) {
    const u = new URL(url, 'http://x'); const m = method.toLowerCase(); const v = [];
    const h = Object.fromEntries(Object.entries(headers).map(([k, x]) => [k.toLowerCase(), x]));
    const isAccount = /^\/v1\/(account|accounts\/[^/]+)$/.test(u.pathname);
    if (isAccount) return { route: '/v1/account', violations: m === 'get' && [...u.searchParams.keys()].every((k) => k.startsWith('expand[')) ? [] : [{ level: 'error', param: '', msg: `${method} ${u.pathname} with these parameters is not used here` }] };
    const route = routes.find((r) => r.re.test(u.pathname) && r.ops[m]) || routes.find((r) => r.re.test(u.pathname));
    if (!route) return { violations: [{ level: 'error', param: '', msg: `no such path in the file: ${method} ${u.pathname}` }] };
    const op = route.ops[m];
    if (!op) return { route: route.tpl, violations: [{ level: 'error', param: '', msg: `${route.tpl} has no ${method}` }] };
    const auth = h.authorization || '';
    const key = /^Bearer (.+)$/.exec(auth)?.[1] || (/^Basic (.+)$/.exec(auth) ? Buffer.from(auth.slice(6), 'base64').toString().replace(/:$/, '') : '');
    const isBrowser = /^pk_(test|live)_/.test(key);
    const isCreation = route.tpl === '/v1/payment_methods';
    if (isBrowser && !BROWSER_CALLS.has(`${m} ${route.tpl}`)) v.push({ level: 'error', param: 'Authorization', msg: `a publishable key can't call ${method} ${route.tpl}` });
    else if (!isBrowser && !/^(sk|rk)_(test|live)_/.test(key)) v.push({ level: 'error', param: 'Authorization', msg: `no secret key (${auth ? auth.slice(0, 14) + '…' : 'no header'})` });
    if (!h['stripe-version']) v.push({ level: 'info', param: 'Stripe-Version', msg: 'not sent' });
    else if (h['stripe-version'] !== spec.info.version) v.push({ level: 'info', param: 'Stripe-Version', msg: `${h['stripe-version']} (file: ${spec.info.version})` });
    if (m === 'post' && !h['idempotency-key']) v.push({ level: 'info', param: 'Idempotency-Key', msg: 'not sent' });
    const forBrowser = (schema) => {
      if (!isBrowser || !BROWSER_CALLS.has(`${m} ${route.tpl}`)) return schema;
      const extra = Object.fromEntries(BROWSER_PARAMS.map((k) => [k, {}]));
      const data = deref(schema.properties?.payment_method_data);
      if (schema.properties?.payment_method_data) extra.payment_method_data = { type: 'object', properties: { ...data.properties, card: { $ref: REF + 'PaymentMethodCreateParams.Card' }, type: { type: 'string' }, ...extra } };
      const required = isCreation ? schema.required : [...(schema.required || []), 'client_secret'];
      return { ...schema, required, properties: { ...schema.properties, ...extra, ...(isCreation ? {} : { client_secret: { type: 'string' } }) } };
    };
    const q = parseForm(u.search.slice(1)); const b = parseForm(body);
    [...q.problems, ...b.problems].forEach((msg) => v.push({ level: 'error', param: '', msg }));
    if (m === 'post') {
      const ct = (h['content-type'] || '').split(';')[0];
      if (body && ct !== FORM && !ct.startsWith('multipart/')) v.push({ level: 'error', param: 'Content-Type', msg: `'${ct}' instead of ${FORM}` });
      if (q.root.size) v.push({ level: 'warn', param: [...q.root.keys()].join(','), msg: 'parameters of a POST in the query string' });
      const s = op.requestBody?.content?.[FORM]?.schema;
      v.push(...checkObject(forBrowser(s ? deref(s) : { properties: {}, additionalProperties: false }), b.root, ''));
    } else {
      const props = {}; const required = [];
      for (const p of op.parameters || []) if (p.in === 'query') { props[p.name] = p.schema; if (p.required) required.push(p.name); }
      const bs = op.requestBody?.content?.[FORM]?.schema; // the genuine file puts DELETE parameters in a body
      if (bs) { Object.assign(props, deref(bs).properties || {}); required.push(...(deref(bs).required || [])); }
      const all = new Map([...q.root, ...b.root]);
      v.push(...checkObject(forBrowser({ properties: props, required, additionalProperties: false }), all, ''));
    }
    return { route: route.tpl, operationId: op.operationId, op, violations: v.map(({ shape, ...x }) => x) };
  }
  return { check, version: spec.info.version };
}

if (process.argv[1] && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const here = path.dirname(fileURLToPath(import.meta.url));
  const arg = (k, d) => { const i = process.argv.indexOf('--' + k); return i < 0 ? d : process.argv[i + 1]; };
  const flag = (k) => process.argv.includes('--' + k);
  const spec = JSON.parse(fs.readFileSync(arg('spec', path.join(here, 'stripe-spec-trimmed.json'))));
  const checker = makeRequestChecker(spec); const objects = makeValidator(spec);
  const upstream = arg('upstream', null); const logFile = arg('log', null);
  const fixFile = path.join(here, 'data/fixtures3.json');
  const fixtures = fs.existsSync(fixFile) ? JSON.parse(fs.readFileSync(fixFile)).resources : {};
  let seen = [];
  const dummy = (r) => {
    const s = r.op?.responses?.['200']?.content?.['application/json']?.schema || {};
    const one = (x) => fixtures[(x.$ref || '').slice(REF.length)] || { id: 'obj_dummy', object: 'dummy' };
    if (s.properties?.data) return { object: 'list', data: [one(s.properties.data.items || {})], has_more: false, url: r.route };
    return one(s);
  };
  const server = http.createServer((req, res) => {
    const chunks = [];
    req.on('data', (c) => chunks.push(c));
    req.on('end', () => {
      const body = Buffer.concat(chunks);
      if (req.url.startsWith('/__referee/')) {
        if (req.method === 'POST') seen = [];
        const bad = seen.filter((x) => x.violations.some((y) => y.level === 'error'));
        res.setHeader('content-type', 'application/json');
        return res.end(JSON.stringify({ spec: spec.info.version, requests: seen.length, withErrors: bad.length, objectErrors: seen.filter((x) => x.objectViolations?.some((y) => y.level === 'error')).length, seen }));
      }
      const r = checker.check({ method: req.method, url: req.url, headers: req.headers, body: body.toString('utf8') });
      const rec = { n: seen.length + 1, at: new Date().toISOString(), method: req.method, url: req.url, route: r.route, operationId: r.operationId, stripeVersion: req.headers['stripe-version'], idempotencyKey: req.headers['idempotency-key'], body: body.toString('utf8'), violations: r.violations };
      seen.push(rec);
      const errs = r.violations.filter((x) => x.level === 'error');
      const finish = (status, headers, buf) => {
        rec.status = status;
        if (flag('objects') && /json/.test(headers['content-type'] || '')) { try { const o = JSON.parse(buf.toString()); rec.objectViolations = objects.check(o); } catch (e) { rec.objectViolations = [{ level: 'error', path: '', msg: 'not JSON: ' + e.message }]; } }
        if (logFile) fs.appendFileSync(logFile, JSON.stringify(rec) + '\n');
        const oe = (rec.objectViolations || []).filter((x) => x.level === 'error');
        console.log(`${errs.length || oe.length ? 'FAIL' : 'ok  '} ${req.method} ${req.url.split('?')[0]} -> ${status}` + (errs.length ? '\n' + errs.map((x) => `     request  ${x.param}: ${x.msg}`).join('\n') : '') + (oe.length ? '\n' + oe.slice(0, 12).map((x) => `     response ${x.path}: ${x.msg}`).join('\n') : ''));
        delete headers['transfer-encoding']; delete headers['content-length']; delete headers.connection;
        res.writeHead(status, headers); res.end(buf);
      };
      if (flag('strict') && errs.length) return finish(400, { 'content-type': 'application/json' }, Buffer.from(JSON.stringify({ error: { type: 'invalid_request_error', code: /unknown/.test(errs[0].msg) ? 'parameter_unknown' : /required/.test(errs[0].msg) ? 'parameter_missing' : undefined, param: errs[0].param, message: 'referee: ' + errs.map((x) => `${x.param}: ${x.msg}`).join('; ') } })));
      if (!upstream) return finish(200, { 'content-type': 'application/json', 'request-id': 'req_referee' + rec.n }, Buffer.from(JSON.stringify(dummy(r))));
      const t = new URL(upstream); const lib = t.protocol === 'https:' ? https : http;
      const up = lib.request({ host: t.hostname, port: t.port, method: req.method, path: req.url, headers: { ...req.headers, host: t.host } }, (ur) => {
        const cs = []; ur.on('data', (c) => cs.push(c)); ur.on('end', () => finish(ur.statusCode, { ...ur.headers }, Buffer.concat(cs)));
      });
      up.on('error', (e) => finish(502, { 'content-type': 'application/json' }, Buffer.from(JSON.stringify({ error: { type: 'api_error', message: 'referee: upstream: ' + e.message } }))));
      up.end(body);
    });
  });
  server.listen(Number(arg('port', 4600)), '127.0.0.1', () => console.log(`referee on http://127.0.0.1:${server.address().port} spec ${spec.info.version} upstream ${upstream || '(none: answers with fixtures)'}`));
}
