// Strong noise suppression: loaded by who wants it, takes the noise, leaves the voice.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { launchChromium } from './harness/browsers.mjs';
import { judgeUndisturbed } from './harness/machine.mjs';
import { Person } from './harness/person.mjs';
import { startServer } from './harness/server.mjs';
import { decibel, rms, speak, writeWav } from './harness/sound.mjs';

const run = promisify(execFile);

const RATE = 48_000;
const SENTENCE = 'Good evening everybody. The stage is open, and every voice in this room can be heard clearly tonight.';
// A fan close by: 40 dB below full scale.
const NOISE_AMPLITUDE = 0.017;
const HEARD_SECONDS = 8;
// RNNoise learns the noise within a second.
const SETTLE_SECONDS = 3;
const TAKEN_DB_MIN = 12;
const VOICE_DB_MAX = 4;

let folder;
let server;
let browser;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dais-suppression-'));
  const clean = join(folder, 'clean.wav');
  await speak(clean, SENTENCE, { pad: 1 });
  const { stdout } = await run('sox', [clean, '-t', 'f32', '-'], { encoding: 'buffer', maxBuffer: 2 ** 26 });
  const voice = new Float32Array(stdout.buffer.slice(stdout.byteOffset, stdout.byteOffset + stdout.length));
  const wav = join(folder, 'noisy.wav');
  let state = 1;
  const noise = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0; // Numerical Recipes' generator.
    return (state / 2 ** 31 - 1) * NOISE_AMPLITUDE;
  };
  await writeWav(wav, voice.map((sample) => sample + noise()), RATE);
  server = await startServer();
  browser = await launchChromium({ wav });
});

after(async () => {
  await browser?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

// How loud the pauses and how loud the voice: the quietest and the loudest tenth of the time, in dB of full scale.
const levels = ({ samples, rate }) => {
  const window = Math.round(rate / 20);
  const windows = Array.from({ length: Math.floor(samples.length / window) }, (_, index) =>
    rms(samples.subarray(index * window, (index + 1) * window)),
  ).sort((a, b) => a - b);
  const at = (share) => decibel(windows[Math.floor(windows.length * share)] + 1e-9);
  return { pauses: at(0.1), voice: at(0.9) };
};

// In the open settings.
const sets = async (person, on) => {
  const toggle = person.page.getByRole('switch', { name: 'Strong noise suppression', exact: true });
  if ((await toggle.getAttribute('aria-checked')) !== String(on)) await toggle.click();
};

const setsSuppression = async (person, on) => {
  await person.button('Settings').click();
  await sets(person, on);
  await person.page.keyboard.press('Escape');
};

test('strong noise suppression is loaded when switched on, takes the noise and leaves the voice', async (context) => {
  const host = await Person.arrive(browser, 'Hanna', { tapped: false });
  const loaded = [];
  host.page.on('request', (request) => {
    if (request.url().includes('/suppressor')) loaded.push(new URL(request.url()).pathname);
  });
  const link = await host.createsRoom(server.url, { title: 'Fan', id: 'fan' });
  await host.setsProcessing(false);
  await host.button('Settings').click();
  // So that the noise is sent, and can be measured.
  await host.page.getByRole('radio', { name: /Open microphone/ }).check();
  await host.page.keyboard.press('Escape');
  const listener = await Person.arrive(browser, 'Leo');
  await listener.joins(link);
  await host.button('Unmute').click();
  await listener.page.waitForFunction(() => window.e2eTaps.length > 0);
  const hear = async () => {
    await listener.hears(SETTLE_SECONDS);
    return levels(await listener.hears(HEARD_SECONDS));
  };
  const hearBoth = async () => {
    await setsSuppression(host, false);
    const noisy = await hear();
    await setsSuppression(host, true);
    const clean = await hear();
    return { noisy, clean };
  };
  await listener.hears(SETTLE_SECONDS);
  assert.deepEqual(loaded, [], 'nobody else pays for it');
  await judgeUndisturbed(context, hearBoth, ({ noisy, clean }) => {
    const told = ({ pauses, voice }) => `pauses ${pauses.toFixed(0)} dB, voice ${voice.toFixed(1)} dB`;
    context.diagnostic(`before: ${told(noisy)}; after: ${told(clean)}`);
    assert.ok(noisy.pauses - clean.pauses >= TAKEN_DB_MIN, `pauses ${(noisy.pauses - clean.pauses).toFixed(1)} dB quieter`);
    assert.ok(Math.abs(noisy.voice - clean.voice) <= VOICE_DB_MAX, `voice ${(noisy.voice - clean.voice).toFixed(1)} dB quieter`);
  });
  assert.ok(loaded.includes('/suppressor.wasm'), `loaded ${loaded}`);
  for (const person of [host, listener]) {
    assert.deepEqual(person.complaints, [], `${person.name}'s console`);
    await person.leaves();
  }
});

test('where it cannot be loaded, the browser’s own takes its place, with a word', async () => {
  const host = await Person.arrive(browser, 'Hanna', { tapped: false });
  await host.page.route('**/suppressor.wasm', (route) => route.abort());
  await host.createsRoom(server.url, { title: 'No fan', id: 'no-fan' });
  await setsSuppression(host, true);
  await host.button('Unmute').click();
  await host.isTold('Strong noise suppression could not be loaded.');
  await host.region('Your controls').getByText('You are on air.').waitFor();
  await host.holdsMicrophones(1);
  await host.leaves();
});

test('the microphone test plays back what the others would hear', async (context) => {
  const host = await Person.arrive(browser, 'Hanna');
  await host.page.goto(server.url);
  await host.setsProcessing(false);
  await host.button('Settings').click();
  const played = async () => {
    await host.button('Test the microphone').click();
    await host.page.getByText('Recording. Say something.').waitFor();
    await host.page.getByText('This is how you sound.').waitFor(); // After five seconds by itself.
    return levels(await host.hears(4)).pauses;
  };
  const hearBoth = async () => {
    await sets(host, false);
    const noisy = await played();
    await host.button('Test the microphone').waitFor();
    await sets(host, true);
    const clean = await played();
    await host.button('Test the microphone').waitFor();
    return { noisy, clean };
  };
  await judgeUndisturbed(context, hearBoth, ({ noisy, clean }) => {
    assert.ok(noisy - clean >= TAKEN_DB_MIN, `pauses ${(noisy - clean).toFixed(1)} dB quieter`);
  });
  await host.leaves();
});
