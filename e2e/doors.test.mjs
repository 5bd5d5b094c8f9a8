// Who comes in: kicked and banned people, locks, passcodes, unlisted rooms.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launchChromium } from './harness/browsers.mjs';
import { disperse, gather } from './harness/journeys.mjs';
import { Person } from './harness/person.mjs';
import { startServer } from './harness/server.mjs';

let server;
let browser;
// Kicked before everything else: the minute passes while the other tests run.
let kicked;

const everybody = () => ({ host: browser, leo: browser, mia: browser });

before(async () => {
  server = await startServer();
  browser = await launchChromium();
  const people = await gather(everybody(), server.url, { title: 'Order', id: 'order' }, { tapped: false });
  await people.host.acts('Leo', 'Kick');
  await people.host.confirms('Kick');
  kicked = { ...people, at: Date.now() };
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

test('who is kicked is out, told so, and kept out, under a fresh identity too', async () => {
  const { leo, mia, link } = kicked;
  await mia.listed('Audience', 'Leo').waitFor({ state: 'detached' });
  await leo.isTold(/put out|removed you|kicked/i);
  await leo.asksToJoin(link);
  await leo.isTold(/\d+ s/);
  assert.equal(await leo.region('Stage').count(), 0);
  const fresh = await Person.arrive(browser, 'Newcomer', { tapped: false });
  await fresh.asksToJoin(link);
  await fresh.isTold(/\d+ s/);
  assert.equal(await fresh.region('Stage').count(), 0, 'from the same address nobody comes in meanwhile');
  await fresh.leaves();
});

test('a locked room lets nobody new in, and says so', async () => {
  const { host, leo, mia, link } = await gather(everybody(), server.url, { title: 'Lock', id: 'lock' }, { tapped: false });
  await host.manages('Lock');
  await leo.page.getByText('Locked', { exact: true }).waitFor();
  const late = await Person.arrive(browser, 'Late', { tapped: false });
  await late.asksToJoin(link);
  await late.page.getByRole('alert').filter({ hasText: /locked/i }).first().waitFor();
  await host.manages('Unlock');
  await late.joins(link);
  await disperse(host, leo, mia, late);
});

test('a passcode is asked for', async () => {
  const host = await Person.arrive(browser, 'Hanna', { tapped: false });
  const link = await host.createsRoom(server.url, { title: 'Secret', id: 'secret', passcode: 'sesame' });
  const leo = await Person.arrive(browser, 'Leo', { tapped: false });
  await leo.asksToJoin(link, { passcode: 'barley' });
  await leo.page.getByRole('alert').filter({ hasText: /passcode/i }).first().waitFor();
  await leo.page.getByLabel('Passcode', { exact: true }).fill('sesame');
  await leo.button('Join').click();
  await leo.region('Stage').waitFor();
  await leo.page.getByText('Passcode', { exact: true }).first().waitFor();
  // Who drops out for a moment is not asked again.
  await leo.page.reload();
  await leo.button('Join').click();
  await leo.region('Stage').waitFor();
  const mia = await Person.arrive(browser, 'Mia', { tapped: false });
  await mia.asksToJoin(link, { passcode: 'sesame' });
  await mia.region('Stage').waitFor();
  await host.listed('Audience', 'Mia').waitFor();
  await disperse(host, leo, mia);
});

test('who calls herself as the host is written has a number wherever she is named', async () => {
  const { host, leo, mia, link } = await gather(everybody(), server.url, { title: 'Alike', id: 'alike' }, { tapped: false });
  // With a Cyrillic H and a Cyrillic a: no eye tells it from Hanna.
  const double = await Person.arrive(browser, '\u041d\u0430nna', { tapped: false });
  await double.joins(link);
  const shown = `${double.name} (2)`;
  await host.listed('Audience', shown).waitFor();
  await double.button('Raise hand').click();
  await host.listed('Raised hands', shown).waitFor();
  await host.page.locator('.toast', { hasText: `${shown} ` }).waitFor();
  await host.listed('Raised hands', shown).getByRole('button', { name: 'Admit', exact: true }).click();
  await mia.tile(shown).waitFor();
  assert.equal(await mia.page.locator('.toast', { hasText: new RegExp(`${double.name}(?! \\(2\\))`) }).count(), 0);
  await disperse(host, leo, mia, double);
});

test('an unlisted room is in no list and no count, and its link opens it', async () => {
  const visitor = await Person.arrive(browser, 'Visitor', { tapped: false });
  await visitor.page.goto(server.url);
  const before = await (await fetch(`${server.url}/api/status`)).json();
  const host = await Person.arrive(browser, 'Hanna', { tapped: false });
  const link = await host.createsRoom(server.url, { title: 'Hidden garden', unlisted: true });
  await host.page.getByText('Unlisted', { exact: true }).first().waitFor();
  assert.match(link, /\/r\/[a-z0-9-]{26,}$/);
  const status = await (await fetch(`${server.url}/api/status`)).json();
  assert.deepEqual([status.rooms, status.members], [before.rooms, before.members]);
  assert.equal(await visitor.page.getByText('Hidden garden').count(), 0);
  await visitor.page.goto(link);
  await visitor.page.getByRole('heading', { name: 'Hidden garden' }).waitFor();
  await visitor.joins(link);
  await visitor.page.getByText('Unlisted', { exact: true }).first().waitFor();
  const mia = await Person.arrive(browser, 'Mia', { tapped: false });
  await mia.page.goto(server.url);
  await mia.page.getByLabel('Room id or link').fill(link);
  await mia.page.getByLabel('Room id or link').press('Enter');
  await mia.page.getByRole('heading', { name: 'Hidden garden' }).waitFor();
  await mia.joins(link);
  await host.listed('Audience', 'Mia').waitFor();
  await disperse(host, visitor, mia);
});

test('who is banned stays out until the ban is lifted', async () => {
  const { host, leo, mia, link } = await gather(everybody(), server.url, { title: 'Ban', id: 'ban' }, { tapped: false });
  await host.acts('Leo', 'Ban');
  await host.confirms('Ban');
  await mia.listed('Audience', 'Leo').waitFor({ state: 'detached' });
  await leo.asksToJoin(link);
  await leo.page.getByRole('alert').filter({ hasText: /banned|not let you in/i }).first().waitFor();
  await host.manages('Banned people');
  await host.dialog('Banned people').getByRole('listitem').filter({ hasText: 'Leo' }).getByRole('button', { name: /Unban/ }).click();
  await host.dialog('Banned people').getByRole('listitem').filter({ hasText: 'Leo' }).getByRole('button', { name: /Unban/ }).waitFor({ state: 'detached' });
  await host.page.keyboard.press('Escape');
  await leo.joins(link);
  await disperse(host, leo, mia);
});

test('after a minute who was kicked may come back', async (context) => {
  const { host, leo, mia, link, at } = kicked;
  await leo.page.locator('button:enabled', { hasText: /^Join$/ }).waitFor({ timeout: 59_000 });
  context.diagnostic(`the way in was open after ${((Date.now() - at) / 1000).toFixed(0)} s`);
  await leo.joins(link);
  await host.listed('Audience', 'Leo').waitFor();
  await disperse(host, leo, mia);
});
