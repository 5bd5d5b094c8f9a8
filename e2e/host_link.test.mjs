// A room that the operator makes, and the links by which its host and others come in.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';

import { launchChromium } from './harness/browsers.mjs';
import { disperse } from './harness/journeys.mjs';
import { Person } from './harness/person.mjs';
import { startServer } from './harness/server.mjs';

const TOKEN = randomBytes(16).toString('hex');

let server;
let browser;

before(async () => {
  server = await startServer({ options: ['--admin-token', TOKEN] });
  browser = await launchChromium();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const arrives = (name) => Person.arrive(browser, name, { tapped: false });

// What the operator is answered, who makes something.
const makes = async (path, what) => {
  const headers = { Authorization: `Bearer ${TOKEN}`, 'Content-Type': 'application/json' };
  const answer = await fetch(`${server.url}${path}`, { method: 'POST', headers, body: JSON.stringify(what) });
  assert.equal(answer.status, 201, await answer.clone().text());
  return answer.json();
};
// The name is the one that the operator gave.
const isNamed = ({ page }, name) =>
  page.waitForFunction((given) => [...document.querySelectorAll('input')].some((input) => input.value === given), name);
const makesRoom = (room) => makes('/api/rooms', room);

test('whoever opens the link of the host is host, past the passcode, and nobody else is', async () => {
  const room = { title: 'Assembly', id: 'assembly', passcode: 'sesame', host_name: 'Grace' };
  const made = await makesRoom(room);
  const leo = await arrives('Leo');
  await leo.joins(`${server.url}${made.link}`, { passcode: room.passcode });
  assert.equal(await leo.page.locator('.badge--host').count(), 0, 'nobody is in charge yet');

  const grace = await arrives('Grace');
  await grace.page.goto(`${server.url}${made.host_link}`);
  await isNamed(grace, 'Grace');
  assert.equal(new URL(grace.page.url()).hash, '', 'the secret is in no address that is shown');
  await grace.button('Join').click();
  await grace.tile('Grace').locator('.badge--host').waitFor();
  await leo.tile('Grace').locator('.badge--host').waitFor();
  assert.ok((await grace.offers('Leo')).includes('Invite to stage'), 'she moderates');

  // The tab is still hers when it is loaded again, at the address without the secret.
  await grace.page.reload();
  await grace.button('Join').click();
  await leo.tile('Grace').locator('.badge--host').waitFor();
  await grace.tile('Grace').locator('.badge--host').waitFor();
  await disperse(grace, leo);
});

test('whoever opens a link for speakers is on stage and muted, past the passcode, as often as it may be used', async () => {
  const made = await makesRoom({ title: 'Panel', id: 'panel', passcode: 'sesame', host_name: 'Grace' });
  const grace = await arrives('Grace');
  await grace.page.goto(`${server.url}${made.host_link}`);
  await isNamed(grace, 'Grace');
  await grace.button('Join').click();
  await grace.tile('Grace').waitFor();

  const given = await makes('/api/rooms/panel/links', { role: 'speaker', skips: ['passcode'], uses_max: 1 });
  const leo = await arrives('Leo');
  await leo.page.goto(`${server.url}${given.link}`);
  await leo.page.getByLabel('Your name', { exact: true }).fill('Leo');
  assert.equal(new URL(leo.page.url()).hash, '', 'the secret is in no address that is shown');
  await leo.button('Join').click();
  await leo.tile('Leo').waitFor();
  await leo.button('Unmute').waitFor();
  await grace.tile('Leo').waitFor();

  const mia = await arrives('Mia');
  await mia.page.goto(`${server.url}${given.link}`);
  await mia.page.getByLabel('Your name', { exact: true }).fill('Mia');
  await mia.button('Join').click();
  await mia.page.getByLabel('Passcode', { exact: true }).waitFor();
  assert.equal(await grace.tile('Mia').count(), 0, 'it has been used up');
  await disperse(grace, leo, mia);
});
