// A picture of every screen, for people to look at: artifacts/*.png.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { launchChromium } from './harness/browsers.mjs';
import { disperse } from './harness/journeys.mjs';
import { Person } from './harness/person.mjs';
import { startServer } from './harness/server.mjs';

const shots = new URL('./artifacts/', import.meta.url).pathname;
const PHONE = { width: 390, height: 844 };

let server;
let browser;

before(async () => {
  await mkdir(shots, { recursive: true });
  server = await startServer();
  browser = await launchChromium();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const shows = (person, name) => person.page.screenshot({ path: join(shots, `${name}.png`) });

const arrives = (name, options = {}) => Person.arrive(browser, name, { tapped: false, ...options });

test('every screen has its picture', async () => {
  const host = await arrives('Hanna');
  await host.page.goto(server.url);
  await host.page.getByRole('heading', { name: 'Lobby' }).waitFor();
  await shows(host, 'lobby-empty');
  const link = await host.createsRoom(server.url, { title: 'Evening stage', id: 'evening' });

  const leo = await arrives('Leo');
  await leo.page.goto(server.url);
  await leo.page.getByRole('link', { name: /Evening stage/ }).first().waitFor();
  await shows(leo, 'lobby');
  await leo.page.goto(link);
  await leo.page.getByRole('heading', { name: 'Evening stage', exact: true }).waitFor();
  await shows(leo, 'join');
  await leo.joins(link);
  await shows(leo, 'room-listener');

  const mia = await arrives('Mia', { viewport: PHONE, colorScheme: 'dark' });
  await mia.joins(link);
  const nina = await arrives('Nina', { viewport: PHONE });
  await nina.joins(link);
  const otto = await arrives('Otto', { colorScheme: 'dark' });
  await otto.joins(link);
  for (const person of [leo, mia, nina]) await person.button('Raise hand').click();
  for (const name of ['Leo', 'Mia', 'Nina']) await host.listed('Raised hands', name).waitFor();
  await shows(host, 'room-host');
  await shows(mia, 'room-phone-dark');
  await shows(nina, 'room-phone');
  await shows(otto, 'room-dark');

  await host.acts('Otto', 'Invite to stage');
  await otto.button('Accept').waitFor();
  await shows(otto, 'invitation-dark');
  await otto.button('Reject').click();
  await host.listed('Raised hands', 'Nina').getByRole('button', { name: 'Admit', exact: true }).click();
  await nina.button('Unmute').waitFor();
  await shows(nina, 'room-phone-on-stage');
  await nina.button('Chat').click();
  await nina.page.getByLabel('Message', { exact: true }).waitFor();
  await shows(nina, 'room-phone-chat');
  await nina.button('Chat').click();
  await otto.button('Settings').click();
  await otto.page.getByRole('switch', { name: 'Strong noise suppression', exact: true }).waitFor();
  await shows(otto, 'settings-dark');
  await otto.page.keyboard.press('Escape');
  await host.button('Actions for Nina').first().click();
  await host.page.getByRole('menuitem').first().waitFor();
  await shows(host, 'person-menu');
  await host.page.keyboard.press('Escape');
  await host.button('Room menu').click();
  await host.page.getByRole('menuitem').first().waitFor();
  await shows(host, 'room-menu');
  await host.page.keyboard.press('Escape');
  await host.button('Leave').click();
  await host.page.getByRole('dialog').waitFor();
  await shows(host, 'hand-over');
  await host.page.keyboard.press('Escape');
  await disperse(host, leo, mia, nina, otto);
});
