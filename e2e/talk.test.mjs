// Beside the voice: chat and reactions; and the stage by keyboard alone.

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

let server;
let folder;
let browser;

const everybody = () => ({ host: browser, leo: browser, mia: browser });

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dais-talk-'));
  // A voice: what a browser plays by itself is a beep, which the noise suppression takes for noise.
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

const writes = async (person, text) => {
  await person.page.getByLabel('Message', { exact: true }).fill(text);
  await person.button('Send').click();
};

test('messages reach everybody, whoever comes later too, and do nothing but stand there', async () => {
  const { host, leo, mia, link } = await gather(everybody(), server.url, { title: 'Chat', id: 'chat' }, { tapped: false });
  const tricky = '<img src=x onerror="document.title=1"> & "quotes"';
  await writes(leo, tricky);
  for (const person of [host, leo, mia]) await person.region('Chat').getByText(tricky, { exact: true }).waitFor();
  assert.equal(await host.region('Chat').locator('img').count(), 0);
  const late = await Person.arrive(browser, 'Late', { tapped: false });
  await late.joins(link);
  await late.region('Chat').getByText(tricky, { exact: true }).waitFor();

  // Who is the host, the page says beside the name, and a name does not.
  await writes(host, 'Good evening');
  const twin = await Person.arrive(browser, 'Ha\u200dnnа', { tapped: false }); // a joiner, and a Cyrillic letter
  await twin.joins(link);
  await writes(twin, 'I am the host');
  for (const person of [host, leo, twin]) {
    const written = (text) => person.region('Chat').getByRole('listitem').filter({ hasText: text });
    await written('Good evening').getByText('Host', { exact: true }).waitFor();
    await written('I am the host').getByText('Ha\u200dnnа (2)', { exact: true }).waitFor();
    for (const text of [tricky, 'I am the host']) assert.equal(await written(text).getByText('Host', { exact: true }).count(), 0, text);
  }

  await host.region('Chat').getByRole('listitem').filter({ hasText: tricky }).getByRole('button', { name: /Remove message/ }).click();
  for (const person of [mia, late]) await person.region('Chat').getByText(tricky, { exact: true }).waitFor({ state: 'detached' });
  await disperse(host, leo, mia, late, twin);
});

test('names and titles do nothing but stand there', async () => {
  const tricky = '<img src=x onerror=alert(1)>';
  const host = await Person.arrive(browser, 'Hanna', { tapped: false });
  const eve = await Person.arrive(browser, tricky, { tapped: false });
  const link = await host.createsRoom(server.url, { title: tricky, id: 'inert' });
  await host.page.getByRole('heading', { name: tricky, exact: true }).waitFor();
  await eve.joins(link);
  await eve.button('Raise hand').click();
  await host.listed('Raised hands', tricky).getByRole('button', { name: 'Admit', exact: true }).click();
  await eve.tile(tricky).waitFor();
  await writes(eve, 'Good evening');
  await host.region('Chat').getByText('Good evening', { exact: true }).waitFor();
  await host.acts(tricky, 'Kick');
  for (const { page } of [host, eve]) assert.equal(await page.locator('img[src="x"]').count(), 0);
  await disperse(host, eve);
});

test('a reaction shows for a moment', async () => {
  const { host, leo, mia } = await gather(everybody(), server.url, { title: 'Applause', id: 'applause' }, { tapped: false });
  await host.button('Applause').click();
  await mia.tile('Hanna').getByText('👏').waitFor();
  await mia.tile('Hanna').getByText('👏').waitFor({ state: 'detached' });
  await leo.button('Heart').click();
  await host.listed('Audience', 'Leo').getByText('❤').first().waitFor();
  await disperse(host, leo, mia);
});

test('the stage is run by keyboard', async () => {
  const { host, leo, mia } = await gather(everybody(), server.url, { title: 'Keys', id: 'keys' }, { tapped: false });
  await leo.page.keyboard.press('h');
  await leo.button('Lower hand').waitFor();
  const admit = host.listed('Raised hands', 'Leo').getByRole('button', { name: 'Admit', exact: true });
  await admit.focus();
  await host.page.keyboard.press('Enter');
  await leo.button('Unmute').waitFor();
  await leo.page.keyboard.press('m');
  await leo.button('Mute').waitFor();
  await host.page.locator('li.tile[aria-label="Leo"][data-speaking]').waitFor();
  await host.button('Actions for Leo').first().focus();
  await host.page.keyboard.press('Enter');
  await host.page.getByRole('menuitem').first().waitFor();
  const names = await host.page.getByRole('menuitem').allInnerTexts();
  const at = names.findIndex((name) => name.trim() === 'Mute');
  for (let step = 0; step < at; step += 1) await host.page.keyboard.press('ArrowDown');
  await host.page.keyboard.press('Enter');
  await leo.page.locator('li.tile[aria-label="Leo"][data-muted]').waitFor();
  await mia.page.keyboard.press('?');
  await mia.page.getByRole('dialog').waitFor();
  await mia.page.keyboard.press('Escape');
  // A letter that is typed is a letter.
  await mia.page.getByLabel('Message', { exact: true }).focus();
  await mia.page.keyboard.type('hm');
  assert.equal(await mia.page.getByLabel('Message', { exact: true }).inputValue(), 'hm');
  assert.equal(await mia.button('Raise hand').count(), 1);
  await disperse(host, leo, mia);
});
