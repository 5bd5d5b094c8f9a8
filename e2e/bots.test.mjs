// Speech from one bot through the server to another, judged.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { judgeUndisturbed } from './harness/machine.mjs';
import { startServer } from './harness/server.mjs';
import { judge, speak } from './harness/sound.mjs';

const run = promisify(execFile);

const SENTENCES = [
  'The quick brown fox jumps over the lazy dog while the sun sets slowly.',
  'She had your dark suit in greasy wash water all year, and nobody noticed.',
  'Please raise your hand if you would like to speak to the whole room.',
  'Seven wise men walked along the river until the evening bells began to ring.',
  'A good microphone is worth more than any number of clever algorithms.',
];
const PESQ_MIN = 3.5;

let server;
let folder;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dais-bots-'));
  server = await startServer();
});

after(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

let rooms = 0;

// What is heard of a file.
const crosses = async (spoken) => {
  const heard = `${spoken}.heard.wav`;
  const room = `sentence-${(rooms += 1)}`;
  const common = ['--server', `${server.url.replace('http', 'ws')}/ws`, '--room', room];
  await Promise.all([
    run(process.env.DAIS_BOTS_BIN, ['say', spoken, ...common]),
    run(process.env.DAIS_BOTS_BIN, ['listen', ...common, '--out', heard, '--seconds', '10']),
  ]);
  return heard;
};

test(`speech through the server keeps PESQ ≥ ${PESQ_MIN}, median of five sentences`, async (context) => {
  const spoken = SENTENCES.map((_, index) => join(folder, `spoken-${index}.wav`));
  await Promise.all(SENTENCES.map((sentence, index) => speak(spoken[index], sentence)));
  // Speaking and judging are work of their own: neither goes on while the bots talk.
  const hear = async () => {
    const heard = await Promise.all(spoken.map(crosses));
    return Promise.all(spoken.map((wav, index) => judge(wav, heard[index])));
  };
  await judgeUndisturbed(context, hear, (judged) => {
    for (const { pesq, stoi } of judged) context.diagnostic(`PESQ ${pesq.toFixed(2)}, STOI ${stoi.toFixed(3)}`);
    const median = judged.map(({ pesq }) => pesq).sort((a, b) => a - b)[2];
    context.diagnostic(`median PESQ ${median.toFixed(2)}`);
    assert.ok(median >= PESQ_MIN, `median PESQ ${median.toFixed(2)}`);
  });
});

test('a room that never opens is a sentence and a failure', async () => {
  const missing = run(process.env.DAIS_BOTS_BIN, [
    ...['listen', '--server', `${server.url.replace('http', 'ws')}/ws`, '--room', 'nowhere'],
    ...['--out', join(folder, 'none.wav'), '--seconds', '1'],
  ]);
  await assert.rejects(missing, ({ code, stderr }) => code !== 0 && /cannot join nowhere: there is no such room/.test(stderr));
});
