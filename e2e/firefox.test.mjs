// The stage in Firefox, and with one person in each browser.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { launchChromium, launchFirefox } from './harness/browsers.mjs';
import { disperse, gather, invitationJourney, raisedHandJourney } from './harness/journeys.mjs';
import { startServer } from './harness/server.mjs';
import { tone, writeWav } from './harness/sound.mjs';
import { startSoundServer } from './harness/sound_server.mjs';

const TONE = tone({ hz: 440, seconds: 60, amplitude: 0.25 });

let server;
let folder;
let sound;
let firefox;
let chromium;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dais-firefox-'));
  const wav = join(folder, 'tone.wav');
  await writeWav(wav, TONE, 48_000);
  server = await startServer();
  sound = await startSoundServer();
  firefox = await launchFirefox({ pulseServer: sound.server });
  chromium = await launchChromium({ wav });
});

after(async () => {
  await firefox?.close();
  await chromium?.close();
  await sound?.stop();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

// Firefox hears the tone as long as the file lasts.
const speaks = () => sound.speak(join(folder, 'tone.wav'));

test('in Firefox a hand is raised, admitted, heard, muted by the host, and removed', async () => {
  const people = await gather({ host: firefox, leo: firefox, mia: firefox }, server.url, { title: 'Fox', id: 'fox' });
  speaks();
  await raisedHandJourney(people);
  await disperse(people.host, people.leo, people.mia);
});

test('in Firefox an invitation counts down and is accepted', async () => {
  const browsers = { host: firefox, leo: firefox, mia: firefox };
  const people = await gather(browsers, server.url, { title: 'Fox', id: 'fox-invites' }, { tapped: false });
  await invitationJourney(people);
  await disperse(people.host, people.leo, people.mia);
});

test('a speaker in Firefox, a host and a listener in Chromium', async () => {
  const people = await gather({ host: chromium, leo: firefox, mia: chromium }, server.url, { title: 'Mixed', id: 'mixed' });
  speaks();
  await raisedHandJourney(people);
  await disperse(people.host, people.leo, people.mia);
});

test('a host in Firefox invites somebody in Chromium', async () => {
  const browsers = { host: firefox, leo: chromium, mia: firefox };
  const people = await gather(browsers, server.url, { title: 'Mixed', id: 'mixed-invites' }, { tapped: false });
  await invitationJourney(people);
  await disperse(people.host, people.leo, people.mia);
});
