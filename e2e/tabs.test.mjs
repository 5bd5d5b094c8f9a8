// One person in two tabs: the seat is taken over, or the second tab is somebody else.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launchChromium } from './harness/browsers.mjs';
import { disperse, gather } from './harness/journeys.mjs';
import { startServer } from './harness/server.mjs';

let server;
let browser;

const everybody = () => ({ host: browser, leo: browser, mia: browser });

before(async () => {
  server = await startServer();
  browser = await launchChromium();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

test('a second tab takes the seat over, and the first does not come back by itself', async () => {
  const { host, leo, mia, link } = await gather(everybody(), server.url, { title: 'Tabs', id: 'tabs' }, { tapped: false });
  await leo.button('Raise hand').click();
  await host.listed('Raised hands', 'Leo').waitFor();
  const tab = await leo.opensTab();
  await tab.asksToJoin(link);
  await tab.button('Use this tab').click();
  await tab.button('Lower hand').waitFor();
  await leo.isTold(/another tab/);
  await mia.listed('Raised hands', 'Leo').waitFor();
  assert.equal(await host.region('Audience').getByRole('listitem', { name: /^Leo/ }).count(), 1, 'one Leo sits there');

  await leo.button('Use this tab').first().click();
  await leo.button('Lower hand').waitFor();
  await tab.isTold(/another tab/);
  await disperse(host, leo, mia);
});

test('a second tab joins as another person', async () => {
  const { host, leo, mia, link } = await gather(everybody(), server.url, { title: 'Two', id: 'two' }, { tapped: false });
  const tab = await leo.opensTab();
  await tab.asksToJoin(link);
  await tab.button('Join as another person').click();
  await tab.region('Stage').waitFor();
  await host.listed('Audience', 'Leo').waitFor();
  await host.listed('Audience', 'Leo (2)').waitFor();
  // The other one is who he is in this tab alone, and stays it.
  await tab.page.reload();
  await tab.button('Join').click();
  await tab.region('Stage').waitFor();
  await leo.button('Raise hand').click();
  await host.listed('Raised hands', 'Leo').waitFor();
  assert.equal(await host.region('Audience').getByRole('listitem', { name: /^Leo/ }).count(), 2);
  await disperse(host, leo, mia);
});
