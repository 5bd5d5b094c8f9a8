// A microphone that the browser refuses: the person and the host see it, and the seat is kept.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launchChromium } from './harness/browsers.mjs';
import { disperse, gather } from './harness/journeys.mjs';
import { Person } from './harness/person.mjs';
import { startServer } from './harness/server.mjs';

let server;
let browser;
let refusing;

before(async () => {
  server = await startServer();
  browser = await launchChromium();
  refusing = await launchChromium({ microphone: 'refused' });
});

after(async () => {
  await browser?.close();
  await refusing?.close();
  await server?.stop();
});

test('who refuses the microphone keeps the seat, and everybody sees why nothing is heard', async () => {
  const { host, leo, mia } = await gather(
    { host: browser, leo: refusing, mia: browser },
    server.url,
    { title: 'Quiet', id: 'quiet' },
    { tapped: false },
  );
  await leo.button('Raise hand').click();
  await host.listed('Raised hands', 'Leo').getByRole('button', { name: 'Admit', exact: true }).click();
  await leo.button('Unmute').click();
  await host.tile('Leo').getByText('Microphone not allowed').waitFor();
  await leo.tile('Leo').getByText('Microphone not allowed').waitFor();
  await leo.page.getByRole('alert').filter({ hasText: /microphone/i }).first().waitFor();
  await mia.tile('Leo').waitFor();
  assert.equal(await leo.button('Leave stage').count(), 1, 'still on stage');
  await disperse(host, leo, mia);
});

test('the device is open while one may speak, and at no other time', async () => {
  const { host, leo, mia } = await gather(
    { host: browser, leo: browser, mia: browser },
    server.url,
    { title: 'Light', id: 'light' },
    { tapped: false },
  );
  assert.equal(await mia.microphonesAsked(), 0, 'listening needs none');
  await leo.button('Raise hand').click();
  await leo.button('Lower hand').waitFor();
  await leo.hasBeenGivenMicrophones(1);
  await leo.holdsMicrophones(0);
  await host.listed('Raised hands', 'Leo').getByRole('button', { name: 'Admit', exact: true }).click();
  await leo.tile('Leo').waitFor();
  assert.equal(await leo.microphonesAsked(), 1, 'coming on stage opens nothing');
  await leo.button('Unmute').click();
  await leo.holdsMicrophones(1);
  await host.acts('Leo', 'Mute');
  await leo.holdsMicrophones(0);
  await host.acts('Leo', 'Allow to speak');
  await leo.page.locator('.own-bar button:enabled', { hasText: 'Unmute' }).waitFor();
  await leo.holdsMicrophones(0);
  await leo.page.locator('.own-bar button:enabled', { hasText: 'Unmute' }).click();
  await leo.holdsMicrophones(1);
  await host.acts('Leo', 'Remove from stage');
  await leo.button('Raise hand').waitFor();
  await leo.holdsMicrophones(0);
  await leo.button('Raise hand').click();
  await host.listed('Raised hands', 'Leo').getByRole('button', { name: 'Admit', exact: true }).click();
  await leo.button('Unmute').click();
  await leo.holdsMicrophones(1);
  await leo.button('Leave stage').click();
  await leo.holdsMicrophones(0);
  await disperse(host, leo, mia);
});

test('who is on air sees it in the lobby, and M mutes there and with a dialog open', async () => {
  const host = await Person.arrive(browser, 'Hanna', { tapped: false });
  await host.createsRoom(server.url, { title: 'Away', id: 'away' });
  await host.button('Unmute').click();
  await host.button('Mute').waitFor();
  await host.button('Settings').click();
  await host.page.keyboard.press('m');
  await host.page.keyboard.press('Escape');
  await host.button('Unmute').click();
  await host.button('Mute').waitFor();
  await host.page.getByRole('link', { name: 'Dais' }).click();
  const onAir = host.page.locator('.notice').getByText('You are on air.');
  await onAir.waitFor();
  await host.button('Mute').click();
  await onAir.waitFor({ state: 'detached' });
  await host.page.getByRole('link', { name: 'Return to the room' }).click();
  await host.button('Unmute').waitFor();
  await host.leaves();
});

test('where the encoder cannot be loaded the device is released, and the next try may succeed', async () => {
  const host = await Person.arrive(browser, 'Hanna', { tapped: false });
  await host.context.route('**/encoder.wasm', (route) => route.abort());
  await host.createsRoom(server.url, { title: 'Mute', id: 'mute' });
  await host.button('Unmute').click();
  await host.tile('Hanna').getByText('Microphone failed').waitFor();
  await host.holdsMicrophones(0);
  await host.context.unroute('**/encoder.wasm');
  await host.button('Try the microphone again').click();
  await host.region('Your controls').getByText('You are on air.').waitFor();
  await host.holdsMicrophones(1);
  await host.leaves();
});
