// nginx as docs/deploy.md puts it before a server: with its defaults, but for what a WebSocket needs.

import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const START_MS_MAX = 10_000;

// What the document says of the way to the server, and beside the server.
const documented = async (url) => {
  const document = await readFile(new URL('../../docs/deploy.md', import.meta.url), 'utf8');
  const [, block] = /```nginx\n([^]*?)```/.exec(document) ?? [];
  const [location] = /location \/ \{[^}]*\}/.exec(block ?? '') ?? [];
  const [map] = /^map [^}]*\}/m.exec(block ?? '') ?? [];
  if (!location?.includes('http://127.0.0.1:8080') || !map) throw new Error('docs/deploy.md shows no nginx before a server');
  return { map, location: location.replace('http://127.0.0.1:8080', url) };
};

const configuration = (folder, socket, { map, location }) => `
daemon off;
master_process off;
pid ${folder}/pid;
error_log stderr;
events {}
http {
  access_log off;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${folder}/${kind};`).join('\n  ')}
  ${map}
  server {
    listen unix:${socket};
    ${location}
  }
}
`;

const answers = (socket) =>
  new Promise((resolve) => {
    const probe = connect(socket);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });

// Starts one before the server at `url`; it listens at the Unix socket `path`. `spoil` makes what the document says another.
export const startNginx = async (url, spoil = (location) => location) => {
  const program = process.env.NGINX;
  if (!program) throw new Error('NGINX names no program; run these tests with `cargo xtask test`');
  const folder = await mkdtemp(join(tmpdir(), 'dais-nginx-'));
  const path = join(folder, 'socket');
  const { map, location } = await documented(url);
  await writeFile(join(folder, 'nginx.conf'), configuration(folder, path, { map, location: spoil(location) }));
  const nginx = spawn(program, ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  nginx.stderr.on('data', (chunk) => (said += chunk));
  const ended = new Promise((resolve) => nginx.once('exit', resolve));
  const stop = async () => {
    nginx.kill();
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  const deadline = Date.now() + START_MS_MAX;
  while (!(await answers(path))) {
    if (nginx.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error(`nginx did not start:\n${said}`);
    }
    await sleep(50);
  }
  return { path, stop };
};
