// Push-to-talk closes, whatever happens to the key. What was captured when is read off the wire itself.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { launchChromium } from './harness/browsers.mjs';
import { Person } from './harness/person.mjs';
import { startServer } from './harness/server.mjs';
import { startWire } from './harness/wire.mjs';

// No frame may have been captured later than this after the key is let go.
const CLOSED_WITHIN_MS = 100;
// Time in which a microphone that is not closed would send a hundred frames.
const WATCHED_MS = 1_000;
const FRAMES_OF_TALK = 20;

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

// A host with push-to-talk, unmuted and in silence, behind a wire of her own.
const hostWithAKey = async (id) => {
  const wire = await startWire(server.url);
  const host = await Person.arrive(browser, 'Hanna', { tapped: false });
  await host.page.addInitScript(() => {
    addEventListener('keyup', () => (window.e2eKeyUpMs = Date.now()), true);
  });
  await host.createsRoom(wire.url, { title: 'Keys', id });
  await host.button('Settings').click();
  await host.page.getByRole('radio', { name: /Push to talk/ }).check();
  await host.page.keyboard.press('Escape');
  await host.button('Unmute').click();
  await host.page.getByText('Hold Space to talk.').waitFor();
  await host.holdsMicrophones(1);
  return { host, wire };
};

const until = async (what, holds) => {
  for (const start = Date.now(); !holds(); await sleep(10)) {
    if (Date.now() - start > 15_000) throw new Error(`waited in vain for ${what}`);
  }
};

const talks = async ({ host, wire }) => {
  const before = wire.voice.length;
  await host.page.keyboard.down('Space');
  await host.page.getByText('You are talking.').waitFor();
  await until('voice', () => wire.voice.length >= before + FRAMES_OF_TALK);
};

// Nothing captured more than a moment after `closedMs` goes out, and nothing goes out at all once that is watched.
const isSilentSince = async (context, { host, wire }, closedMs) => {
  await host.page.getByText('Hold Space to talk.').waitFor();
  await sleep(WATCHED_MS);
  const lastMs = wire.voice.at(-1).capturedMs - closedMs;
  context.diagnostic(`the last frame was captured ${lastMs.toFixed(0)} ms after`);
  assert.ok(lastMs <= CLOSED_WITHIN_MS, `captured ${lastMs} ms after`);
  const before = wire.voice.length;
  await sleep(WATCHED_MS);
  assert.equal(wire.voice.length, before, 'silence');
};

const leave = async ({ host, wire }) => {
  assert.deepEqual(host.complaints, [], 'console');
  await host.leaves();
  await wire.stop();
};

test('the key lets out what is said while it is held, and nothing before or after', async (context) => {
  const stage = await hostWithAKey('held');
  const { host, wire } = stage;
  await sleep(WATCHED_MS);
  assert.equal(wire.voice.length, 0, 'nothing is sent before the key is pressed');
  await talks(stage);
  await host.page.keyboard.up('Space');
  await isSilentSince(context, stage, await host.page.evaluate(() => window.e2eKeyUpMs));
  assert.equal(wire.voice.at(-1).flags & 2, 2, 'the last frame says that it is');
  assert.equal(await host.button('Mute').count(), 1, 'Space did not press the button that was clicked last');
  await talks(stage);
  await host.page.keyboard.up('Space');
  await leave(stage);
});

test('the button lets out what is said while it is held', async (context) => {
  const stage = await hostWithAKey('button');
  const { host, wire } = stage;
  const box = await host.button('Hold to talk').boundingBox();
  await host.page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await host.page.mouse.down();
  await until('voice', () => wire.voice.length >= FRAMES_OF_TALK);
  await host.page.mouse.move(5, 5);
  const leftMs = Date.now();
  await isSilentSince(context, stage, leftMs);
  await host.page.mouse.up();
  await leave(stage);
});

// What closes it while the key stays down. Each returns when that was. Headless Chromium hides no tab and takes the
// focus from no window: the page is told what it would be told.
const CLOSERS = {
  'a window that loses the focus': () => {
    window.dispatchEvent(new Event('blur'));
    return Date.now();
  },
  'a field that takes the focus': () => {
    document.querySelector('#message').focus();
    return Date.now();
  },
  'a tab that is hidden': () => {
    Object.defineProperty(document, 'hidden', { value: true, configurable: true });
    Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true });
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
    return Date.now();
  },
};

Object.entries(CLOSERS).forEach(([what, close], index) => {
  test(`${what} closes it`, async (context) => {
    const stage = await hostWithAKey(`closer-${index}`);
    await talks(stage);
    await isSilentSince(context, stage, await stage.host.page.evaluate(close));
    await leave(stage);
  });
});

test('after a lost connection nothing is sent until the key is pressed anew', async (context) => {
  const stage = await hostWithAKey('cut');
  const { host, wire } = stage;
  await talks(stage);
  const before = wire.sockets();
  const cutMs = Date.now();
  wire.cut();
  await until('a new connection', () => wire.sockets() > before);
  await host.button('Mute').waitFor();
  await isSilentSince(context, stage, cutMs);
  await host.page.keyboard.up('Space');
  await talks(stage);
  await host.page.keyboard.up('Space');
  await host.leaves();
  await wire.stop();
});

test('a page that is loaded anew sends nothing', async (context) => {
  const stage = await hostWithAKey('reload');
  const { host, wire } = stage;
  await talks(stage);
  const reloadMs = Date.now();
  await host.page.reload();
  await host.button('Join').click();
  await host.button('Unmute').waitFor();
  await sleep(WATCHED_MS);
  const lastMs = wire.voice.at(-1).capturedMs - reloadMs;
  context.diagnostic(`the last frame was captured ${lastMs.toFixed(0)} ms after`);
  assert.ok(lastMs <= CLOSED_WITHIN_MS, `captured ${lastMs} ms after`);
  await host.button('Unmute').click();
  await host.page.getByText('Hold Space to talk.').waitFor();
  const before = wire.voice.length;
  await sleep(WATCHED_MS);
  assert.equal(wire.voice.length, before, 'the key that was held before is not');
  await leave(stage);
});

test('another key can be chosen, and a hand off the field talks with it', async () => {
  const stage = await hostWithAKey('other-key');
  const { host, wire } = stage;
  await host.button('Settings').click();
  await host.button('Talk key: Space').click();
  await host.page.keyboard.press('m');
  await host.page.getByText('That key already does something else').waitFor();
  await host.page.keyboard.press('v');
  await host.button('Talk key: V').waitFor();
  await host.page.keyboard.press('Escape');
  await host.page.getByText('Hold V to talk.').waitFor();
  await host.page.getByLabel('Message', { exact: true }).fill('');
  await host.page.keyboard.down('v');
  await sleep(WATCHED_MS);
  assert.equal(wire.voice.length, 0, 'in a field it writes');
  await host.page.keyboard.up('v');
  await host.page.getByRole('heading', { level: 1 }).click();
  await host.page.keyboard.down('v');
  await until('voice', () => wire.voice.length >= FRAMES_OF_TALK);
  await host.page.keyboard.up('v');
  await leave(stage);
});
