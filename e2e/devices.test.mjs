// Which microphone and which output: chosen, remembered, missing, gone. And the microphone test.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launchChromium } from './harness/browsers.mjs';
import { Person } from './harness/person.mjs';
import { startServer } from './harness/server.mjs';

// What Chromium calls its fake devices.
const OTHER_MICROPHONE = 'Fake Audio Input 2';
const OTHER_OUTPUT = 'Fake Audio Output 2';

let server;
let browser;

before(async () => {
  server = await startServer();
  browser = await launchChromium();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

// Notes what the page opens, what plays, and where it sends its sound.
const note = () => {
  window.e2eTracks = [];
  window.e2eOutputs = [];
  window.e2eContexts = [];
  window.AudioContext = class extends AudioContext {
    constructor(...options) {
      super(...options);
      window.e2eContexts.push(this);
    }
  };
  if (window.MediaDevices === undefined) return; // Not a secure page: a blank one, say.
  const { getUserMedia } = MediaDevices.prototype;
  MediaDevices.prototype.getUserMedia = async function (...wishes) {
    const stream = await getUserMedia.apply(this, wishes);
    window.e2eTracks.push(...stream.getAudioTracks());
    return stream;
  };
  const { setSinkId } = AudioContext.prototype;
  AudioContext.prototype.setSinkId = async function (id) {
    await setSinkId.call(this, id);
    window.e2eOutputs.push(id);
  };
};

const arrive = async (kept = {}, name = 'Hanna') => {
  const host = await Person.arrive(browser, name, { tapped: false });
  await host.page.addInitScript(note);
  await host.page.addInitScript((entries) => {
    for (const [key, value] of Object.entries(entries)) localStorage.setItem(key, value);
  }, kept);
  return host;
};

const opened = (host) => host.page.evaluate(() => window.e2eTracks.at(-1)?.label);

const chooses = async (host, what, device) => {
  await host.button('Settings').click();
  await host.page.getByLabel(what, { exact: true }).selectOption({ label: device });
  await host.page.keyboard.press('Escape');
};

const leave = async (host) => {
  assert.deepEqual(host.complaints, [], 'console');
  await host.leaves();
};

test('a chosen microphone takes over at once, and is remembered', async () => {
  const host = await arrive();
  await host.createsRoom(server.url, { title: 'Choice', id: 'choice' });
  await host.button('Unmute').click();
  await host.region('Your controls').getByText('You are on air.').waitFor();
  assert.notEqual(await opened(host), OTHER_MICROPHONE);
  await chooses(host, 'Microphone device', OTHER_MICROPHONE);
  await host.page.waitForFunction((label) => window.e2eTracks.at(-1).label === label, OTHER_MICROPHONE);
  await host.region('Your controls').getByText('You are on air.').waitFor();
  await host.holdsMicrophones(1);
  await host.page.reload();
  await host.button('Join').click();
  await host.button('Unmute').click();
  await host.region('Your controls').getByText('You are on air.').waitFor();
  assert.equal(await opened(host), OTHER_MICROPHONE);
  await leave(host);
});

test('in the place of a microphone that is not there the default one is opened, with a word', async () => {
  const host = await arrive({ 'dais.microphone': 'nothing\nDesk microphone' });
  await host.createsRoom(server.url, { title: 'Missing', id: 'missing' });
  await host.button('Unmute').click();
  await host.isTold('“Desk microphone” is not connected.');
  await host.region('Your controls').getByText('You are on air.').waitFor();
  await host.button('Settings').click();
  const choice = host.page.getByLabel('Microphone device', { exact: true });
  assert.equal(await choice.inputValue(), 'nothing', 'it stays the chosen one');
  await host.page.keyboard.press('Escape');
  await leave(host);
});

test('a microphone that goes away is not replaced behind one’s back', async () => {
  const host = await arrive();
  await host.createsRoom(server.url, { title: 'Gone', id: 'gone' });
  await host.button('Unmute').click();
  await host.region('Your controls').getByText('You are on air.').waitFor();
  const asked = await host.microphonesAsked();
  // As when it is unplugged, which no fake one can be.
  await host.page.evaluate(() => {
    const track = window.e2eTracks.at(-1);
    track.stop();
    track.dispatchEvent(new Event('ended'));
    navigator.mediaDevices.dispatchEvent(new Event('devicechange'));
  });
  await host.tile('Hanna').getByText('Microphone failed').waitFor();
  await host.holdsMicrophones(0);
  await host.button('Try the microphone again').waitFor();
  assert.equal(await host.microphonesAsked(), asked);
  assert.equal(await host.button('Mute').count(), 1, 'the seat is kept');
  await host.button('Try the microphone again').click();
  await host.region('Your controls').getByText('You are on air.').waitFor();
  await host.holdsMicrophones(1);
  await leave(host);
});

test('the sound goes where it is wanted, also on the next visit', async () => {
  const host = await arrive();
  await host.createsRoom(server.url, { title: 'Output', id: 'output' });
  await chooses(host, 'Sound output', OTHER_OUTPUT);
  await host.page.waitForFunction(() => window.e2eOutputs.length > 0);
  const [chosen] = await host.page.evaluate(() => window.e2eOutputs);
  await host.page.reload();
  await host.button('Join').click();
  await host.page.waitForFunction((id) => window.e2eOutputs.at(-1) === id, chosen);
  await leave(host);
});

test('in the place of an output that is not there another one plays, and the panel says why', async () => {
  const [host, leo] = [await arrive(), await arrive({ 'dais.output': 'nothing\nDesk speakers' }, 'Leo')];
  const link = await host.createsRoom(server.url, { title: 'Unplugged', id: 'unplugged' });
  await host.button('Unmute').click();
  await host.region('Your controls').getByText('You are on air.').waitFor();
  await leo.joins(link);
  await leo.isTold('“Desk speakers” is not connected.');
  assert.match(await leo.quality(), /The loudspeaker you chose is not there/);
  await chooses(leo, 'Sound output', OTHER_OUTPUT);
  await leo.page.waitForFunction(() => window.e2eOutputs.length > 0);
  const quality = await leo.quality();
  assert.match(quality, /Do you hear the others\?/);
  assert.doesNotMatch(quality, /The loudspeaker you chose is not there/);
  await leave(leo);
  await leave(host);
});

test('a wireless headset is warned of before its microphone is opened', async () => {
  const host = await arrive();
  await host.page.addInitScript((renamed) => {
    if (window.MediaDevices === undefined) return;
    const { enumerateDevices } = MediaDevices.prototype;
    MediaDevices.prototype.enumerateDevices = async function () {
      const devices = await enumerateDevices.call(this);
      const headset = devices.filter(({ label }) => label === renamed);
      headset.forEach((device) => Object.defineProperty(device, 'label', { value: 'Headset (Jabra, Bluetooth)' }));
      return devices;
    };
  }, OTHER_MICROPHONE);
  await host.createsRoom(server.url, { title: 'Wireless', id: 'wireless' });
  await host.button('Settings').click();
  await host.page.getByText(/“Headset \(Jabra, Bluetooth\)” looks like a wireless headset/).waitFor();
  assert.equal(await host.microphonesAsked(), 0);
  await host.page.keyboard.press('Escape');
  await leave(host);
});

test('the screen stays on for those on stage, and for nobody else', async () => {
  const held = (person) => person.page.waitForFunction(() => window.e2eLocks.some(({ released }) => !released));
  const free = (person) => person.page.waitForFunction(() => window.e2eLocks.every(({ released }) => released));
  const people = await Promise.all(['Hanna', 'Leo'].map((name) => arrive({}, name)));
  for (const { page } of people) {
    await page.addInitScript(() => {
      window.e2eLocks = [];
      if (window.WakeLock === undefined) return;
      const { request } = WakeLock.prototype;
      WakeLock.prototype.request = async function (...kind) {
        const lock = await request.apply(this, kind);
        window.e2eLocks.push(lock);
        return lock;
      };
    });
  }
  const [host, leo] = people;
  const link = await host.createsRoom(server.url, { title: 'Awake', id: 'awake' });
  await held(host);
  await leo.joins(link);
  assert.equal(await leo.page.evaluate(() => window.e2eLocks.length), 0, 'he only listens');
  await host.acts('Leo', 'Invite to stage');
  await leo.button('Accept').click();
  await held(leo);
  await host.acts('Leo', 'Remove from stage');
  await free(leo);
  await host.button('Leave').click();
  await host.confirms('End room');
  await free(host);
  for (const person of people) await leave(person);
});

test('sound that the browser holds back comes with a click', async () => {
  const host = await arrive();
  await host.createsRoom(server.url, { title: 'Held back', id: 'held-back' });
  const isPlaying = () => host.page.evaluate(() => window.e2eContexts.some(({ state }) => state === 'running'));
  await host.page.waitForFunction(() => window.e2eContexts.some(({ state }) => state === 'running'));
  await host.page.evaluate(() => Promise.all(window.e2eContexts.map((it) => it.state === 'running' && it.suspend())));
  assert.equal(await isPlaying(), false);
  assert.match(await host.quality(), /The browser holds the sound back/);
  await host.button('Enable sound').click();
  await host.button('Enable sound').waitFor({ state: 'detached' });
  assert.equal(await isPlaying(), true);
  await leave(host);
});

test('the microphone test records, releases the device, and plays back', async () => {
  const host = await arrive();
  await host.page.goto(server.url);
  await host.button('Settings').click();
  await host.button('Test the microphone').click();
  await host.page.getByText('Recording. Say something.').waitFor();
  await host.holdsMicrophones(1);
  const meter = host.page.getByRole('meter', { name: 'Input level' });
  const moves = () => document.querySelector('[role=meter][aria-label]')?.getAttribute('aria-valuenow') > 0;
  await host.page.waitForFunction(moves);
  await host.button('Stop and play back').click();
  await host.page.getByText('This is how you sound.').waitFor();
  await host.holdsMicrophones(0);
  await host.page.waitForFunction(moves);
  await host.button('Test the microphone').waitFor();
  assert.equal(await meter.count(), 0);

  await host.button('Test the microphone').click();
  await host.holdsMicrophones(1);
  await host.page.keyboard.press('Escape');
  await host.holdsMicrophones(0);
  await leave(host);
});
