// The stage, run by people: a raised hand, a call, a mute, a removal; an open room; a page loaded again.

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { launchChromium } from './harness/browsers.mjs';
import { disperse, gather, raisedHandJourney } from './harness/journeys.mjs';
import { Person } from './harness/person.mjs';
import { startServer } from './harness/server.mjs';
import { tone, writeWav } from './harness/sound.mjs';

const shots = new URL('./artifacts/', import.meta.url).pathname;
const TONE = tone({ hz: 440, seconds: 10, amplitude: 0.25 });

let server;
let folder;
let browser;

before(async () => {
  await mkdir(shots, { recursive: true });
  folder = await mkdtemp(join(tmpdir(), 'dais-stage-'));
  const wav = join(folder, 'tone.wav');
  await writeWav(wav, TONE, 48_000);
  server = await startServer();
  browser = await launchChromium({ wav });
});

after(async () => {
  await browser?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

const shows = (person, name) => person.page.screenshot({ path: join(shots, `${name}.png`) });

test('a hand is raised, admitted, heard, muted by the host, and removed', async () => {
  const { host, leo, mia } = await gather({ host: browser, leo: browser, mia: browser }, server.url, {
    title: 'Evening stage',
    id: 'evening',
  });
  await raisedHandJourney({ host, leo, mia });
  await disperse(host, leo, mia);
});

test('in an open room whoever takes a seat speaks', async () => {
  const host = await Person.arrive(browser, 'Hanna', { tapped: false });
  const link = await host.createsRoom(server.url, { title: 'Open table', id: 'table', open: true });
  const leo = await Person.arrive(browser, 'Leo', { tapped: false });
  await leo.joins(link);
  await leo.button('Take a seat').click();
  await leo.button('Unmute').click();
  await leo.button('Mute').waitFor();
  await host.page.waitForFunction(() => document.querySelector('li.tile[aria-label="Leo"][data-speaking]'));
  const mia = await Person.arrive(browser, 'Mia', { tapped: false });
  await mia.joins(link);
  await mia.button('Take a seat').click();
  await mia.button('Unmute').waitFor();
  await mia.page.locator('li.tile[aria-label="Leo"][data-speaking]').waitFor();
  await leo.button('Leave stage').click();
  await leo.button('Take a seat').waitFor();
  await host.tile('Mia').waitFor();
  assert.equal(await host.tile('Leo').count(), 0);
  await disperse(host, leo, mia);
});

test('a host who loads the page again is host again, with a closed microphone', async () => {
  const host = await Person.arrive(browser, 'Hanna');
  await host.createsRoom(server.url, { title: 'Again', id: 'again' });
  await host.button('Unmute').click();
  await host.button('Mute').waitFor();
  await host.page.reload();
  await host.button('Join').click();
  await host.tile('Hanna').waitFor();
  await host.button('Unmute').waitFor();
  await host.button('Room menu').click();
  await host.page.getByRole('menuitem', { name: 'End room', exact: true }).waitFor();
  await host.leaves();
});

test('a room that is not there is a sentence, and so is a server that goes away', async () => {
  const own = await startServer();
  const mia = await Person.arrive(browser, 'Mia');
  await mia.page.goto(`${own.url}/r/nowhere`);
  await mia.page.getByText('This room is not live at the moment.').waitFor();
  await mia.page.getByLabel('Your name', { exact: true }).fill('Mia');
  await mia.button('Join').click();
  await mia.page.getByRole('alert').filter({ hasText: /\S/ }).first().waitFor();
  await own.stop();
  await mia.button('Retry').first().waitFor();
  await shows(mia, 'server-gone');
  await mia.leaves();
});
