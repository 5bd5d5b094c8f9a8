// A server that is killed and comes back on the same data: the pages come back by themselves, with their roles and with
// microphones no more open than they were.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { launchChromium } from './harness/browsers.mjs';
import { disperse, gather, hears } from './harness/journeys.mjs';
import { startServer } from './harness/server.mjs';
import { tone, writeWav } from './harness/sound.mjs';

let server;
let folder;
let browser;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dais-restart-'));
  const wav = join(folder, 'tone.wav');
  await writeWav(wav, tone({ hz: 440, seconds: 10, amplitude: 0.25 }), 48_000);
  server = await startServer();
  browser = await launchChromium({ wav });
});

after(async () => {
  await browser?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

test('after a crash of the server everybody is back without a click, and no microphone has opened', async () => {
  const { host, leo, mia } = await gather({ host: browser, leo: browser, mia: browser }, server.url, {
    title: 'Evening stage',
    id: 'evening',
  });
  await host.button('Unmute').click();
  await host.holdsMicrophones(1);
  await leo.button('Raise hand').click();
  await host.listed('Raised hands', 'Leo').getByRole('button', { name: 'Admit', exact: true }).click();
  await leo.button('Unmute').waitFor();
  await mia.button('Raise hand').click();
  await host.listed('Raised hands', 'Mia').waitFor();
  const handed = [leo, mia];
  await Promise.all(handed.map((person) => person.hasBeenGivenMicrophones(1)));
  await Promise.all(handed.map((person) => person.holdsMicrophones(0)));

  const people = [host, leo, mia];
  const connection = (person, state) => person.page.locator(`.connection-chip[data-state="${state}"]`).waitFor();
  const cut = Promise.all(people.map((person) => connection(person, 'reconnecting')));
  server = await server.killAndRestart();
  await cut;
  await Promise.all(people.map((person) => connection(person, 'online')));
  await leo.tile('Hanna').locator('.badge--host').waitFor();
  await host.listed('Raised hands', 'Mia').waitFor();
  await host.tile('Leo').waitFor();
  assert.equal(await leo.button('Unmute').count(), 1, 'on stage, and muted as before');
  assert.deepEqual(await Promise.all(handed.map((person) => person.microphonesAsked())), [1, 1], 'nobody was asked again');
  await Promise.all(handed.map((person) => person.holdsMicrophones(0)));
  await host.button('Mute').waitFor();
  assert.ok(await hears(leo), 'the host is heard again');
  await leo.button('Unmute').click();
  await leo.holdsMicrophones(1);
  await disperse(host, leo, mia);
});
