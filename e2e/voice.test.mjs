// The main job, in real browsers: one person speaks, another hears.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { launchChromium, launchFirefox } from './harness/browsers.mjs';
import { judgeUndisturbed } from './harness/machine.mjs';
import { Person } from './harness/person.mjs';
import { startServer } from './harness/server.mjs';
import { decibel, judge, peakHz, rms, silences, speak, tone, writeWav } from './harness/sound.mjs';
import { startSoundServer } from './harness/sound_server.mjs';

const TONE_HZ = 440;
const TONE = tone({ hz: TONE_HZ, seconds: 10, amplitude: 0.25 });
const SENTENCE = 'Good evening everybody. The stage is open, and every voice in this room can be heard clearly tonight.';
// What a browser takes to open a microphone and fill its buffers, before anything is measured.
const SETTLE_SECONDS = 2;

let server;
let folder;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dais-voice-'));
  server = await startServer();
});

after(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

// A host who has created a room and a listener who has joined it.
const hostAndListener = async (browsers, id) => {
  const host = await Person.arrive(browsers.host, 'Hanna');
  const link = await host.createsRoom(server.url, { title: 'Evening stage', id });
  const listener = await Person.arrive(browsers.listener, 'Leo');
  await listener.joins(link);
  await host.region('Audience').getByRole('listitem', { name: 'Leo', exact: true }).waitFor();
  return { host, listener };
};

const unmutes = async (host, listener) => {
  await host.button('Unmute').click();
  await host.button('Mute').waitFor();
  await listener.page.waitForFunction(() => window.e2eTaps.length > 0);
  await listener.hears(SETTLE_SECONDS);
};

const judgeTone = (context, heard) => {
  const peak = peakHz(heard.samples, heard.rate);
  const level = decibel(rms(heard.samples) / rms(TONE));
  const { silentShare, runsMs, longRuns } = silences(heard, rms(TONE) / 10);
  context.diagnostic(`peak ${peak.toFixed(2)} Hz, level ${level.toFixed(2)} dB against the file`);
  context.diagnostic(`silent ${(silentShare * 100).toFixed(2)} %, silences of ${JSON.stringify(runsMs)} ms`);
  assert.equal(heard.gaps, 0, 'the recording itself has no gap');
  assert.ok(Math.abs(peak - TONE_HZ) <= 2, `peak at ${peak} Hz`);
  assert.ok(Math.abs(level) <= 3, `level off by ${level} dB`);
  assert.ok(longRuns <= 1, `silent for over 40 ms ${longRuns} times in 10 s`);
  assert.ok(silentShare <= 0.01, `silent for ${silentShare * 100} % of the time`);
};

const toneCrosses = async (context, browsers, id) => {
  const { host, listener } = await hostAndListener(browsers, id);
  await host.setsProcessing(false);
  await unmutes(host, listener);
  const hear = () => Promise.all([listener.hears(10), host.hears(10)]);
  await judgeUndisturbed(context, hear, ([heard, own]) => {
    judgeTone(context, heard);
    context.diagnostic(`the speaker's own loudspeaker: ${decibel(rms(own.samples) + 1e-9).toFixed(0)} dBFS`);
    assert.ok(rms(own.samples) < 1e-4, 'the speaker does not hear herself');
  });
  const quality = await listener.quality();
  context.diagnostic(`the listener's panel: ${quality.replace(/\s+/g, ' ')}`);
  for (const figure of [/Made up for lost sound/, /Sound delivered late by the browser/]) assert.match(quality, figure);
  for (const person of [host, listener]) {
    assert.deepEqual(person.complaints, [], `${person.name}'s console`);
    await person.leaves();
  }
};

test('a tone crosses from one Chromium page to another', async (context) => {
  const wav = join(folder, 'tone.wav');
  await writeWav(wav, TONE, 48_000);
  const browser = await launchChromium({ wav });
  try {
    await toneCrosses(context, { host: browser, listener: browser }, 'tone');
  } finally {
    await browser.close();
  }
});

test('speech is intelligible with the defaults on', async (context) => {
  const spoken = join(folder, 'speech.wav');
  const heardPath = join(folder, 'heard.wav');
  await speak(spoken, SENTENCE);
  const browser = await launchChromium({ wav: spoken });
  try {
    const { host, listener } = await hostAndListener({ host: browser, listener: browser }, 'speech');
    await unmutes(host, listener);
    // The sentence takes seven seconds and is spoken round and round: this holds it whole at least once.
    const hear = async () => {
      const heard = await listener.hears(18);
      await writeWav(heardPath, heard.samples, heard.rate);
      return judge(spoken, heardPath);
    };
    await judgeUndisturbed(context, hear, ({ stoi, pesq }) => {
      context.diagnostic(`STOI ${stoi.toFixed(3)}, PESQ ${pesq.toFixed(2)}`);
      assert.ok(stoi >= 0.7, `STOI ${stoi}`);
    });
  } finally {
    await browser.close();
  }
});

test('a tone crosses from one Firefox page to another', async (context) => {
  const wav = join(folder, 'long-tone.wav');
  await writeWav(wav, tone({ hz: TONE_HZ, seconds: 60, amplitude: 0.25 }), 48_000);
  const sound = await startSoundServer();
  try {
    const browser = await launchFirefox({ pulseServer: sound.server });
    try {
      sound.speak(wav);
      await toneCrosses(context, { host: browser, listener: browser }, 'firefox');
    } finally {
      await browser.close();
    }
  } finally {
    await sound.stop();
  }
});
