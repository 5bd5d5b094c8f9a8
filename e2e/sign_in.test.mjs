// Servers that let in only who has signed in: with the house's password, or sent by another site with a token.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { launchChromium } from './harness/browsers.mjs';
import { Person } from './harness/person.mjs';
import { startServer } from './harness/server.mjs';

const PASSWORD = 'open sesame';
const SECRET = 'what the other site and we share';

let server;
let browser;
let folder;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dais-e2e-sign-in-'));
  const [password, key] = ['password', 'key'].map((name) => join(folder, name));
  await writeFile(password, `${PASSWORD}\n`);
  await writeFile(key, SECRET);
  server = await startServer({ options: ['--sign-in-password-file', password, '--sign-in-jwt-key', key] });
  browser = await launchChromium();
});

after(async () => {
  await browser?.close();
  await server?.stop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

const heading = (person) => person.page.getByRole('heading', { name: 'Sign in', exact: true });

const signsIn = async (person, password) => {
  await person.page.getByLabel('Password', { exact: true }).fill(password);
  await person.page.getByRole('button', { name: 'Sign in', exact: true }).click();
};

// As the other site makes it.
const token = (claims) => {
  const said = [{ alg: 'HS256', typ: 'JWT' }, { exp: Math.floor(Date.now() / 1000) + 600, ...claims }]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${said}.${createHmac('sha256', SECRET).update(said).digest('base64url')}`;
};

test('the password opens the server, and leads to where somebody wanted to go', async () => {
  const host = await Person.arrive(browser, 'Hanna', { tapped: false });
  await host.page.goto(server.url);
  await heading(host).waitFor();
  await signsIn(host, 'open sesam');
  await host.page.getByText(/not right/).waitFor();
  assert.equal(await host.page.getByLabel('Password', { exact: true }).evaluate((it) => it === document.activeElement), true);
  await signsIn(host, PASSWORD);
  const link = await host.createsRoom(server.url, { title: 'House', id: 'house' });
  const guest = await Person.arrive(browser, 'Gina', { tapped: false });
  await guest.page.goto(`${link}#nothing`);
  await signsIn(guest, PASSWORD);
  await guest.page.waitForURL(/\/r\/house/);
  await guest.joins(link);
  // The browser says no word of it to scripts, and the page is not asked for the password again.
  assert.equal(await guest.page.evaluate(() => document.cookie), '');
  await guest.page.reload();
  await guest.region('Stage').or(guest.button('Join')).first().waitFor();
  await guest.leaves();
  await host.leaves();
});

test('a link of another site leads on stage under the name that it says', async () => {
  const host = await Person.arrive(browser, 'Helga', { tapped: false });
  await host.page.goto(`${server.url}/sign-in#token=${token({ name: 'Helga' })}`);
  await host.createsRoom(server.url, { title: 'Sent', id: 'sent' });
  const guest = await Person.arrive(browser, 'Mallory', { tapped: false });
  const requests = [];
  guest.page.on('request', (request) => requests.push(request.url()));
  const secret = token({ name: 'Grace', room: 'sent', role: 'speaker' });
  await guest.page.goto(`${server.url}/sign-in#token=${secret}`);
  await guest.page.waitForURL(`${server.url}/r/sent`);
  await guest.page.getByLabel('Your name', { exact: true }).fill('Mallory');
  await guest.button('Join').click();
  await guest.tile('Grace').waitFor();
  await host.tile('Grace').waitFor();
  assert.equal(await host.page.getByText('Mallory').count(), 0);
  assert.ok(requests.slice(1).every((url) => !url.includes(secret)), 'the token stands in no address but the first');
  await guest.leaves();
  await host.leaves();
});

test('whoever is sent as the host of a room that is not there opens it by joining', async () => {
  const host = await Person.arrive(browser, 'Hilde', { tapped: false });
  await host.page.goto(`${server.url}/sign-in#token=${token({ name: 'Hilde', room: 'opened', role: 'host' })}`);
  await host.page.waitForURL(`${server.url}/r/opened`);
  await host.page.getByText('It opens when you join.').waitFor();
  await host.page.getByText('You are its host and decide who speaks.').waitFor();
  const early = await Person.arrive(browser, 'Emil', { tapped: false });
  await early.page.goto(`${server.url}/sign-in#token=${token({ name: 'Emil', room: 'opened' })}`);
  await early.page.getByText('This room is not live at the moment.').waitFor();
  await host.page.getByLabel('Your name', { exact: true }).fill('Hilde');
  await host.button('Join').click();
  await host.tile('Hilde').waitFor();
  await host.button('Unmute').waitFor();
  await early.page.getByText('Hosted by Hilde').waitFor();
  await host.button('Room menu').click();
  await host.page.getByRole('menuitem', { name: 'End room', exact: true }).waitFor();
  await early.leaves();
  await host.leaves();
});

test('a token that is over leads nowhere, in words', async () => {
  const late = await Person.arrive(browser, 'Late', { tapped: false });
  await late.page.goto(`${server.url}/sign-in#token=${token({ exp: 1 })}`);
  await late.page.getByText(/has expired/).waitFor();
  assert.ok(!late.page.url().includes('token'), 'and is out of the address');
  await late.leaves();
});
