// Tabs that nobody looks at.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { launchOwnChromium } from './harness/browsers.mjs';
import { judgeUndisturbed } from './harness/machine.mjs';
import { Person } from './harness/person.mjs';
import { startServer } from './harness/server.mjs';
import { rms, silences, tone, writeWav } from './harness/sound.mjs';

const TONE = tone({ hz: 440, seconds: 10, amplitude: 0.25 });

let server;
let folder;
let wav;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dais-hidden-'));
  wav = join(folder, 'tone.wav');
  await writeWav(wav, TONE, 48_000);
  server = await startServer();
});

after(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

// A host with a steady tone and a listener, each at a browser of their own.
const hostAndListener = async (context, id, speaking) => {
  const browsers = [];
  context.after(() => Promise.all(browsers.map((browser) => browser.close())));
  for (let count = 0; count < 2; count += 1) browsers.push(await launchOwnChromium({ wav }));
  const host = await Person.arrive(browsers[0], 'Hanna', { tapped: false });
  const link = await host.createsRoom(server.url, { title: 'Hidden', id });
  await host.setsProcessing(false);
  await host.button('Settings').click();
  await host.page.getByRole('radio', { name: speaking }).check();
  await host.page.keyboard.press('Escape');
  const listener = await Person.arrive(browsers[1], 'Leo');
  await listener.joins(link);
  await host.button('Unmute').click();
  await listener.page.waitForFunction(() => window.e2eTaps.length > 0);
  return { host, listener };
};

// Opens another tab in the same window, which comes to the front.
const hide = async (person) => {
  await person.page.evaluate(() => window.open('about:blank', '_blank', 'noopener'));
  await person.page.waitForFunction(() => document.visibilityState === 'hidden', undefined, { polling: 100 });
};

test('hidden tabs go on talking and hearing', async (context) => {
  const { host, listener } = await hostAndListener(context, 'hidden', /Open microphone/);
  await host.button('Mute').waitFor();
  await listener.hears(2);
  for (const person of [host, listener]) await hide(person);
  await judgeUndisturbed(context, () => listener.hears(10), (heard) => {
    const { silentShare, runsMs, longRuns } = silences(heard, rms(TONE) / 10);
    context.diagnostic(`silent ${(silentShare * 100).toFixed(2)} %, silences of ${JSON.stringify(runsMs)} ms`);
    assert.equal(heard.gaps, 0, 'the recording itself has no gap');
    assert.equal(longRuns, 0, 'no silence of over 40 ms');
    assert.ok(silentShare <= 0.01, `silent for ${silentShare * 100} % of the time`);
  });
  for (const person of [host, listener]) {
    assert.equal(await person.page.evaluate(() => document.visibilityState), 'hidden');
    assert.deepEqual(person.complaints, [], `${person.name}'s console`);
  }
});

test('push to talk closes when its tab is hidden, though the key stays down', async (context) => {
  const { host, listener } = await hostAndListener(context, 'held', /Push to talk/);
  await host.page.getByText('Hold Space to talk.').waitFor();
  await host.page.keyboard.down('Space');
  await host.page.getByText('You are talking.').waitFor();
  await listener.hears(1);
  await judgeUndisturbed(context, () => listener.hears(1), ({ samples }) => {
    assert.ok(rms(samples) > rms(TONE) / 2, 'the key lets the voice out');
  });
  await hide(host);
  await listener.hears(1);
  const { samples } = await listener.hears(2);
  assert.ok(rms(samples) < rms(TONE) / 100, `heard at ${rms(samples)}`);
});
