// A private PulseAudio with no hardware: a virtual loudspeaker, and a virtual microphone into which files can be
// played. For browsers that bring no fake microphone worth the name.

import { execFile, spawn } from 'node:child_process';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const START_MS_MAX = 10_000;

// A loudspeaker and a microphone that know nothing of each other.
const APART = [
  'module-null-sink sink_name=loudspeaker rate=48000 channels=2',
  'module-null-sink sink_name=studio rate=48000 channels=1',
  'module-remap-source master=studio.monitor source_name=microphone',
];

// Other modules have to make a sink `loudspeaker`, a sink `studio`, and a source `microphone` of what goes into that.
export const startSoundServer = async ({ modules = APART } = {}) => {
  const folder = await mkdtemp(join(tmpdir(), 'dais-sound-'));
  const socket = join(folder, 'native');
  const daemon = spawn(
    'pulseaudio',
    [
      '-n',
      '--daemonize=no',
      '--use-pid-file=no',
      '--exit-idle-time=-1',
      '--disable-shm=yes',
      ...modules.map((module) => `--load=${module}`),
      `--load=module-native-protocol-unix auth-anonymous=1 socket=${socket}`,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, HOME: folder, XDG_RUNTIME_DIR: folder, PULSE_RUNTIME_PATH: folder } },
  );
  let said = '';
  daemon.stderr.on('data', (chunk) => (said += chunk));
  const ended = new Promise((resolve) => daemon.once('exit', resolve));
  const server = `unix:${socket}`;
  const client = (program, args) =>
    spawn(program, args, { stdio: 'ignore', env: { ...process.env, PULSE_SERVER: server } });
  const run = (program, args) => new Promise((resolve) => client(program, args).once('exit', resolve));
  const deadline = Date.now() + START_MS_MAX;
  for (;;) {
    const there = await access(socket).then(
      () => true,
      () => false,
    );
    if (there && (await run('pactl', ['set-default-source', 'microphone'])) === 0) break;
    if (Date.now() > deadline) throw new Error(`the sound server did not start:\n${said}`);
    await sleep(100);
  }
  await run('pactl', ['set-default-sink', 'loudspeaker']);
  const players = [];
  const fallsSilent = () => players.splice(0).forEach((player) => player.kill());
  return {
    server,
    // What `pactl` answers.
    control: async (...args) => (await promisify(execFile)('pactl', args, { env: { ...process.env, PULSE_SERVER: server } })).stdout,
    // Plays a file into the microphone once, in place of what still plays: two of the same tone might cancel each other.
    speak: (wav) => {
      fallsSilent();
      players.push(client('paplay', ['--device=studio', wav]));
    },
    stop: async () => {
      fallsSilent();
      daemon.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
};
