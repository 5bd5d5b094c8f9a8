// Two network namespaces with a way between them that is as long and as lossy as one wants: the speaker's, and the
// server's, where the listener is, too. Needs root. Without delay and loss there is no emulator, and everybody is on loopback.

import { spawn, execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const [SPEAKER, SERVER] = ['10.77.0.1', '10.77.0.2'];
const RELAY = new URL('relay.py', import.meta.url).pathname;

// {server: options of startServer, speaker and listener: programs that start a browser there, stop}
export const startEmulator = async ({ oneWayMs, lossPercent }) => {
  if (oneWayMs === 0 && lossPercent === 0) return { server: {}, stop: async () => {} };
  const folder = await mkdtemp(join(tmpdir(), 'dais-emulator-'));
  const spaces = { speaker: `dais-speaker-${process.pid}`, server: `dais-server-${process.pid}` };
  const undo = [() => rm(folder, { recursive: true, force: true })];
  const stop = async () => {
    for (const step of undo.reverse()) await step();
  };
  try {
    for (const space of Object.values(spaces)) {
      await run('ip', ['netns', 'add', space]);
      undo.push(() => run('ip', ['netns', 'delete', space]));
      await run('ip', ['-n', space, 'link', 'set', 'lo', 'up']);
    }
    const relay = spawn('python3', [RELAY, spaces.speaker, SPEAKER, spaces.server, SERVER, `${oneWayMs}`, `${lossPercent}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise((resolve) => relay.once('exit', resolve));
    undo.push(() => {
      relay.kill();
      return ended;
    });
    await Promise.race([
      new Promise((resolve) => relay.stdout.once('data', resolve)),
      ended.then((code) => Promise.reject(new Error(`the relay ended with ${code}`))),
    ]);
    const browserIn = async (space) => {
      const program = join(folder, space);
      await writeFile(program, `#!/bin/sh\nexec ip netns exec ${space} ${process.env.CHROMIUM} "$@"\n`);
      await chmod(program, 0o755);
      return program;
    };
    return {
      server: { address: SERVER, inside: ['ip', 'netns', 'exec', spaces.server] },
      speaker: await browserIn(spaces.speaker),
      listener: await browserIn(spaces.server),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
};
