// Invitations: asked, counted down, accepted, rejected, taken back, and left to expire.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launchChromium } from './harness/browsers.mjs';
import { disperse, gather, invitationJourney } from './harness/journeys.mjs';
import { startServer } from './harness/server.mjs';

let server;
let browser;
// Somebody who was invited before everything else and never answers: the minute passes while the other tests run.
let waiting;

const everybody = () => ({ host: browser, leo: browser, mia: browser });

before(async () => {
  server = await startServer();
  browser = await launchChromium();
  const people = await gather(everybody(), server.url, { title: 'Patience', id: 'patience' }, { tapped: false });
  await people.host.acts('Leo', 'Invite to stage');
  await people.leo.button('Accept').waitFor();
  // When the dialog goes is noted by the page itself.
  await people.leo.page.evaluate(() => {
    const asked = Date.now();
    window.e2eClosed = new Promise((resolve) => {
      const look = () => {
        if (!document.querySelector('dialog[open]')) resolve((Date.now() - asked) / 1000);
      };
      new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
    });
  });
  waiting = people;
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

test('an invitation counts down and is accepted', async () => {
  const people = await gather(everybody(), server.url, { title: 'Talk', id: 'accept' }, { tapped: false });
  await invitationJourney(people);
  await disperse(people.host, people.leo, people.mia);
});

test('who is typing when an invitation comes has not accepted it', async () => {
  const { host, leo, mia } = await gather(everybody(), server.url, { title: 'Talk', id: 'typing' }, { tapped: false });
  await leo.page.getByLabel('Message', { exact: true }).fill('One moment');
  await host.acts('Leo', 'Invite to stage');
  await leo.button('Accept').waitFor();
  for (const key of ['Enter', 'Space', 'Enter']) await leo.page.keyboard.press(key);
  await leo.button('Reject').click();
  await host.isTold(/Leo (rejected|declined|said no)/i);
  assert.equal(await host.tile('Leo').count(), 0);
  assert.equal(await leo.page.getByLabel('Message', { exact: true }).inputValue(), 'One moment');
  await disperse(host, leo, mia);
});

test('an invitation is rejected, and the host is told', async () => {
  const { host, leo, mia } = await gather(everybody(), server.url, { title: 'Talk', id: 'reject' }, { tapped: false });
  await host.acts('Leo', 'Invite to stage');
  await leo.button('Reject').click();
  await host.isTold(/Leo (rejected|declined|said no)/i);
  assert.equal(await leo.page.getByRole('dialog').count(), 0);
  await leo.button('Raise hand').waitFor();
  assert.ok((await host.offers('Leo')).includes('Invite to stage'), 'he may be asked again');
  await disperse(host, leo, mia);
});

test('an invitation is taken back', async () => {
  const { host, leo, mia } = await gather(everybody(), server.url, { title: 'Talk', id: 'cancel' }, { tapped: false });
  await host.acts('Leo', 'Invite to stage');
  await leo.button('Accept').waitFor();
  assert.ok((await host.offers('Leo')).includes('Cancel invitation'));
  await host.acts('Leo', 'Cancel invitation');
  await leo.button('Accept').waitFor({ state: 'detached' });
  await leo.button('Raise hand').waitFor();
  await disperse(host, leo, mia);
});

test('an invitation that nobody answers expires after a minute', async (context) => {
  const { host, leo, mia } = waiting;
  const seconds = await leo.page.evaluate(() => window.e2eClosed);
  context.diagnostic(`the dialog closed after ${seconds.toFixed(1)} s`);
  assert.ok(seconds > 57 && seconds < 64, `closed after ${seconds} s`);
  await leo.button('Raise hand').waitFor();
  await host.button('Actions for Leo').first().waitFor();
  assert.ok((await host.offers('Leo')).includes('Invite to stage'));
  await disperse(host, leo, mia);
});
