// The built server, on a port of its own, for the length of one test.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const START_MS_MAX = 10_000;

// Starts the program that DAIS_BIN names, by way of the command `inside`, and waits until it says where it listens. `stop`
// ends it and waits for its end; `killAndRestart` is what a crash is, and resolves with the server that comes after it.
export const startServer = async ({ address = '127.0.0.1', inside = [], port = 0, folder, options = [] } = {}) => {
  const program = process.env.DAIS_BIN;
  if (!program) throw new Error('DAIS_BIN names no server; run these tests with `cargo xtask test`');
  const dataDir = folder ?? (await mkdtemp(join(tmpdir(), 'dais-e2e-')));
  const [command, ...args] = [...inside, program, '--listen', `${address}:${port}`, '--data-dir', dataDir, ...options];
  const server = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise((resolve) => server.once('exit', (code, signal) => resolve(code ?? signal)));
  let said = '';
  const url = await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the server did not start:\n${said}`)), START_MS_MAX);
    const listen = (chunk) => {
      said += chunk;
      const found = /http:\/\/[\d.]+:\d+/.exec(said);
      if (found) {
        clearTimeout(timer);
        resolve(found[0]);
      }
    };
    server.stdout.on('data', listen);
    server.stderr.on('data', listen);
    ended.then((code) => reject(new Error(`the server ended with ${code}:\n${said}`)));
  });
  const stop = async () => {
    server.kill('SIGTERM');
    const code = await ended;
    await rm(dataDir, { recursive: true, force: true });
    return code;
  };
  const killAndRestart = async () => {
    server.kill('SIGKILL');
    await ended;
    return startServer({ address, inside, port: Number(new URL(url).port), folder: dataDir, options });
  };
  return { url, stop, killAndRestart, ended, said: () => said };
};
