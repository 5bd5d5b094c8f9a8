// A virtual sound card whose microphone and loudspeaker are two channels of one clock, so that a recording of both says
// how much later than the one the other is.

import { spawn } from 'node:child_process';

import { startSoundServer } from '../harness/sound_server.mjs';

const RATE = 48_000;
const CHANNELS = 2;
const BYTES = 2;

const MODULES = [
  'module-null-sink sink_name=card rate=48000 channels=2 channel_map=front-left,front-right',
  'module-remap-sink sink_name=loudspeaker master=card channels=1 channel_map=mono master_channel_map=front-left remix=no',
  'module-remap-sink sink_name=studio master=card channels=1 channel_map=mono master_channel_map=front-right remix=no',
  'module-remap-source source_name=microphone master=card.monitor channels=1 channel_map=mono master_channel_map=front-right remix=no',
];

export const startSoundCard = async () => {
  const sound = await startSoundServer({ modules: MODULES });
  const env = { ...process.env, PULSE_SERVER: sound.server };
  return {
    server: sound.server,
    // Plays a file once: mono into the microphone, or both channels to `device`. Ends with it.
    play: (wav, device = 'studio') =>
      new Promise((resolve, reject) => {
        const player = spawn('paplay', [`--device=${device}`, wav], { stdio: 'ignore', env });
        player.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`paplay ended with ${code}`))));
      }),
    // What goes through the card in `seconds` from when `started` is called: {heard, spoken}, at 48 kHz.
    record: (seconds, started = () => {}) =>
      new Promise((resolve, reject) => {
        const wanted = Math.round(seconds * RATE) * CHANNELS * BYTES;
        const recorder = spawn(
          'parec',
          ['--device=card.monitor', '--raw', '--format=s16le', `--rate=${RATE}`, `--channels=${CHANNELS}`, '--latency-msec=50'],
          { stdio: ['ignore', 'pipe', 'ignore'], env },
        );
        const chunks = [];
        let length = 0;
        recorder.stdout.once('data', started);
        recorder.stdout.on('data', (chunk) => {
          chunks.push(chunk);
          length += chunk.length;
          if (length >= wanted) recorder.kill();
        });
        recorder.once('exit', () => {
          if (length < wanted) return reject(new Error('the recorder ended early'));
          const frames = Buffer.concat(chunks);
          const channel = (number) =>
            Float32Array.from(
              { length: wanted / CHANNELS / BYTES },
              (_, index) => frames.readInt16LE((index * CHANNELS + number) * BYTES) / 32_768,
            );
          return resolve({ heard: channel(0), spoken: channel(1) });
        });
      }),
    stop: sound.stop,
  };
};
