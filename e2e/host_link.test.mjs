// A room that the operator makes, and the link by which its host comes in.

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

// What the operator is answered, who makes a room.
const makesRoom = async (room) => {
  const headers = { Authorization: `Bearer ${TOKEN}`, 'Content-Type': 'application/json' };
  const answer = await fetch(`${server.url}/api/rooms`, { method: 'POST', headers, body: JSON.stringify(room) });
  assert.equal(answer.status, 201, await answer.clone().text());
  return answer.json();
};

test('whoever opens the link of the host is host, past the passcode, and nobody else is', async () => {
  const room = { title: 'Assembly', id: 'assembly', passcode: 'sesame', host_name: 'Grace' };
  const made = await makesRoom(room);
  const leo = await arrives('Leo');
  await leo.joins(`${server.url}${made.link}`, { passcode: room.passcode });
  assert.equal(await leo.page.locator('.badge--host').count(), 0, 'nobody is in charge yet');

  const grace = await arrives('Grace');
  await grace.page.goto(`${server.url}${made.host_link}`);
  // The name is the one that the operator gave.
  await grace.page.waitForFunction(() => [...document.querySelectorAll('input')].some((input) => input.value === 'Grace'));
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
