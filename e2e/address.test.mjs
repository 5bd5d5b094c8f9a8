// Addresses and screens: links, the browser's own ways back and forth, and addresses at which there is nothing.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launchChromium } from './harness/browsers.mjs';
import { disperse } from './harness/journeys.mjs';
import { Person } from './harness/person.mjs';
import { startServer } from './harness/server.mjs';

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

const heading = (person, name) => person.page.getByRole('heading', { level: 1, name, exact: true });

const home = (person) => person.page.getByRole('link', { name: 'Dais', exact: true });

// The screen is shown by the page that was there before, at its address, and its heading has the focus.
const isShownInPlace = async (person, name, path) => {
  await heading(person, name).waitFor();
  await person.page.waitForFunction((text) => document.activeElement?.textContent?.trim() === text, name);
  assert.equal(new URL(person.page.url()).pathname, path);
  assert.equal(await person.page.evaluate(() => window.e2eSamePage), true, 'loaded anew');
  await person.page.waitForFunction((text) => document.title === `${text} · Dais`, name);
};

test('links, back and forward show screens in place', async () => {
  const host = await Person.arrive(browser, 'Hanna', { tapped: false });
  await host.createsRoom(server.url, { title: 'Ways', id: 'ways' });
  const leo = await Person.arrive(browser, 'Leo', { tapped: false });
  await leo.page.goto(server.url);
  await leo.page.evaluate(() => {
    window.e2eSamePage = true;
  });
  const card = leo.page.getByRole('link', { name: 'Ways', exact: true });
  await card.waitFor();
  assert.equal(await home(leo).getAttribute('aria-current'), 'page');
  await card.click();
  await isShownInPlace(leo, 'Ways', '/r/ways');
  assert.equal(await home(leo).getAttribute('aria-current'), null);
  await leo.page.goBack();
  await isShownInPlace(leo, 'Lobby', '/');
  await leo.page.goForward();
  await isShownInPlace(leo, 'Ways', '/r/ways');
  await home(leo).click();
  await isShownInPlace(leo, 'Lobby', '/');
  await leo.page.goBack();
  await isShownInPlace(leo, 'Ways', '/r/ways');
  await leo.page.getByRole('link', { name: 'Back to the lobby', exact: true }).click();
  await leo.page.getByLabel('Room id or link', { exact: true }).fill(`${server.url}/r/other`);
  await leo.button('Go to room').click();
  await leo.page.waitForURL('**/r/other');
  await leo.page.goBack();
  await isShownInPlace(leo, 'Lobby', '/');
  await disperse(host, leo);
});

test('who goes to the lobby stays in the room and finds the way back', async () => {
  const host = await Person.arrive(browser, 'Hanna', { tapped: false });
  await host.createsRoom(server.url, { title: 'Stay', id: 'stay' });
  await host.page.evaluate(() => {
    window.e2eSamePage = true;
  });
  await home(host).click();
  await isShownInPlace(host, 'Lobby', '/');
  await host.page.getByRole('link', { name: 'Return to the room', exact: true }).click();
  await isShownInPlace(host, 'Stay', '/r/stay');
  await host.tile('Hanna').waitFor();
  await host.page.goBack();
  await isShownInPlace(host, 'Lobby', '/');
  await disperse(host);
});

test('a click with a key is left to the browser', async () => {
  const leo = await Person.arrive(browser, 'Leo', { tapped: false });
  await leo.page.goto(`${server.url}/r/nothing-yet`);
  const tab = leo.context.waitForEvent('page');
  await home(leo).click({ modifiers: ['ControlOrMeta'] });
  await (await tab).getByRole('heading', { level: 1, name: 'Lobby', exact: true }).waitFor();
  assert.equal(new URL(leo.page.url()).pathname, '/r/nothing-yet');
  await disperse(leo);
});

test('an address at which there is nothing says so', async () => {
  const leo = await Person.arrive(browser, 'Leo', { tapped: false });
  await leo.page.goto(`${server.url}/r/NO_ROOM`);
  await heading(leo, 'There is nothing here').waitFor();
  await leo.page.getByRole('link', { name: 'Back to the lobby', exact: true }).click();
  await heading(leo, 'Lobby').waitFor();
  await disperse(leo);
});
