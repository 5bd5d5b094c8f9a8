// The host's chair: handed over, left, lost with the connection, taken up by a successor, and given back.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { launchChromium } from './harness/browsers.mjs';
import { disperse, gather } from './harness/journeys.mjs';
import { Person } from './harness/person.mjs';
import { startServer } from './harness/server.mjs';
import { speak } from './harness/sound.mjs';

const SEAT_IS_HELD_MS = 30_000;

let server;
let browser;
let folder;

const everybody = () => ({ host: browser, leo: browser, mia: browser });
const isHost = (person, name) => person.tile(name).getByText('Host', { exact: true });
const isCoHost = (person, name) => person.tile(name).getByText('Co-host', { exact: true });

// Leo on stage, Mia in the audience.
const onStage = async (id) => {
  const people = await gather(everybody(), server.url, { title: 'Chair', id }, { tapped: false });
  await people.leo.button('Raise hand').click();
  await people.host.listed('Raised hands', 'Leo').getByRole('button', { name: 'Admit', exact: true }).click();
  await people.leo.button('Unmute').waitFor();
  return people;
};

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dais-chair-'));
  // A voice: the browser's own beep is taken for noise by its noise suppression.
  const wav = join(folder, 'voice.wav');
  await speak(wav, 'One, two, three, and a good evening to everybody in the room.');
  server = await startServer();
  browser = await launchChromium({ wav });
});

after(async () => {
  await browser?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

test('a host who loads the page again is host again, and the microphone is closed', async () => {
  const { host, leo, mia } = await onStage('reload');
  await host.button('Unmute').click();
  await host.button('Mute').waitFor();
  await host.page.reload();
  await host.page.getByText('Your place is held for half a minute.').waitFor();
  await host.button('Join').click();
  await host.button('Unmute').waitFor();
  await isHost(host, 'Hanna').waitFor();
  await isHost(mia, 'Hanna').waitFor();
  await mia.page.locator('li.tile[aria-label="Hanna"][data-muted]').waitFor();
  await host.button('Unmute').click();
  await host.button('Mute').waitFor();
  await mia.page.locator('li.tile[aria-label="Hanna"][data-speaking]').waitFor();
  await disperse(host, leo, mia);
});

test('a host who vanishes is followed by a speaker, and gets the chair back', async () => {
  const { host, leo, mia, link } = await onStage('vanish');
  await host.page.close();
  await mia.tile('Hanna').getByText('Reconnecting…').waitFor();
  await isHost(mia, 'Leo').waitFor({ timeout: SEAT_IS_HELD_MS + 10_000 });
  await leo.isTold(/You are the host now/);
  assert.equal(await mia.tile('Hanna').count(), 0, 'her seat is gone');
  assert.ok((await leo.offers('Mia')).includes('Kick'), 'the successor moderates');

  const again = await host.opensTab();
  await again.joins(link);
  await isHost(again, 'Hanna').waitFor();
  await isHost(mia, 'Hanna').waitFor();
  await isCoHost(mia, 'Leo').waitFor();
  await again.button('Unmute').waitFor();
  await disperse(again, leo, mia);
});

test('a host who leaves hands over to somebody', async () => {
  const { host, leo, mia } = await onStage('handover');
  await host.button('Leave').click();
  const dialog = host.page.getByRole('dialog');
  await dialog.waitFor();
  await dialog.getByRole('radio', { name: /Leo/ }).check();
  await dialog.getByRole('button', { name: /hand over/i }).click();
  await isHost(mia, 'Leo').waitFor();
  await mia.tile('Hanna').waitFor({ state: 'detached' });
  await host.page.getByRole('heading', { name: 'Lobby' }).waitFor();
  await disperse(host, leo, mia);
});

test('a host who goes elsewhere is asked first what is to become of the room', async () => {
  const { host, leo, mia } = await onStage('elsewhere');
  await host.page.getByRole('link', { name: 'Dais' }).first().click();
  await host.page.getByRole('heading', { name: 'Lobby' }).waitFor();
  for (const step of ['Log out', 'Create room']) {
    await host.page.getByLabel('Room title', { exact: true }).fill('Another stage');
    await host.button(step).click();
    await host.page.getByRole('dialog').waitFor();
    await host.page.keyboard.press('Escape');
  }
  await isHost(mia, 'Hanna').waitFor();
  await host.button('Create room').click();
  const dialog = host.page.getByRole('dialog');
  await dialog.getByRole('radio', { name: /Leo/ }).check();
  await dialog.getByRole('button', { name: /hand over/i }).click();
  await isHost(mia, 'Leo').waitFor();
  await dialog.waitFor({ state: 'hidden' });
  await host.button('Create room').click();
  await host.page.getByRole('heading', { name: 'Another stage' }).waitFor();
  await disperse(host, leo, mia);
});

test('a host who leaves can end the room for all', async () => {
  const { host, leo, mia } = await onStage('ending');
  await host.button('Leave').click();
  await host.page.getByRole('dialog').getByRole('button', { name: 'End room', exact: true }).click();
  for (const person of [leo, mia]) await person.isTold(/The host ended the room/);
  await disperse(host, leo, mia);
});

test('a co-host moderates listeners and speakers but not the host', async () => {
  const { host, leo, mia, link } = await onStage('cohost');
  await host.acts('Leo', 'Make co-host');
  await isCoHost(mia, 'Leo').waitFor();
  const offered = await leo.offers('Mia');
  for (const action of ['Invite to stage', 'Kick', 'Ban']) assert.ok(offered.includes(action), `${action} in ${offered}`);
  const nina = await Person.arrive(browser, 'Nina', { tapped: false });
  await nina.joins(link);
  await nina.button('Raise hand').click();
  await leo.listed('Raised hands', 'Nina').getByRole('button', { name: 'Admit', exact: true }).click();
  await nina.button('Unmute').waitFor();
  await leo.acts('Nina', 'Remove from stage');
  await nina.button('Raise hand').waitFor();
  await host.acts('Leo', 'Remove co-host');
  await isCoHost(mia, 'Leo').waitFor({ state: 'detached' });
  await disperse(host, leo, mia, nina);
});
