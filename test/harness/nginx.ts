import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { describe } from 'vitest';
import { forgetProcess, watchProcess } from './steward.js';

/** An nginx before a server, with nothing configured but where it is. */
export interface Nginx {
  readonly url: string;
  stop(): Promise<void>;
}

const PLACES = [...(process.env['PATH'] ?? '').split(path.delimiter), '/usr/sbin'];
const program = PLACES.map((place) => path.join(place, 'nginx')).find((file) => fs.existsSync(file));
const skip = program === undefined && process.env['TOLLGATE_TEST_REQUIRE_NGINX'] !== '1';

/** A group of tests that need nginx; reported as skipped, with the reason, where there is none. */
export const describeWithNginx = (title: string, tests: () => void): void => {
  describe.skipIf(skip)(skip ? `${title} (skipped: no nginx on this machine)` : title, tests);
};

const answers = async (port: number): Promise<boolean> => {
  const socket = net.connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
};

/** What sockets need of an nginx before 1.29.7. Source: nginx docs, "WebSocket proxying". */
const SOCKETS =
  'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;';

/** Starts nginx before the server of the address, on a free port of 127.0.0.1; for one path alone where it is told, sockets included. */
export const startNginx = async (target: string, location = '/'): Promise<Nginx> => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-nginx-'));
  const port = randomInt(20_000, 32_768);
  const file = path.join(folder, 'nginx.conf');
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${path.join(folder, name)};`,
  );
  fs.writeFileSync(
    file,
    `daemon off; worker_processes 1; pid ${path.join(folder, 'pid')}; error_log stderr;
    events {}
    http { access_log off; ${paths.join(' ')}
      map $http_upgrade $connection_upgrade { default upgrade; '' close; }
      server { listen 127.0.0.1:${port}; location ${location} { proxy_pass ${target}; ${location === '/' ? '' : SOCKETS} } } }`,
  );
  const child = spawn(program ?? 'nginx', ['-c', file, '-p', folder], { stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  await once(child, 'spawn');
  await watchProcess(child.pid ?? 0);
  while (!(await answers(port)))
    if (child.exitCode !== null) throw new Error(`nginx on port ${port} did not start:\n${output}`);
  return {
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
      await forgetProcess(child.pid ?? 0);
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
};
