// What the page weighs.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launchChromium } from './harness/browsers.mjs';
import { Person } from './harness/person.mjs';
import { startServer } from './harness/server.mjs';

const BYTES_MAX = 500_000;

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

// What the audio thread loads, Playwright does not see.
const weigh = async (path) => {
  const response = await fetch(`${server.url}${path}`, { headers: { 'accept-encoding': 'br' } });
  assert.equal(response.headers.get('content-encoding'), 'br');
  return Number(response.headers.get('content-length'));
};

// Every file that a page and its worker ask for, and how many bytes come.
const noteDownloads = (person) => {
  const sizes = new Map();
  person.context.on('requestfinished', async (request) => {
    const { responseBodySize, responseHeadersSize } = await request.sizes();
    sizes.set(new URL(request.url()).pathname, responseBodySize + responseHeadersSize);
  });
  return sizes;
};

test('a listener loads less than half a megabyte, and the encoder comes with a raised hand', async (context) => {
  const host = await Person.arrive(browser, 'Hanna', { tapped: false });
  const link = await host.createsRoom(server.url, { title: 'Weight', id: 'weight' });
  const listener = await Person.arrive(browser, 'Leo', { tapped: false });
  const sizes = noteDownloads(listener);
  await listener.joins(link);
  await host.listed('Audience', 'Leo').waitFor();
  await listener.page.waitForLoadState('networkidle');
  sizes.set('/playout.js', await weigh('/playout.js'));
  const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  const heaviest = [...sizes].sort(([, a], [, b]) => b - a).slice(0, 4);
  context.diagnostic(`${total} bytes, most of it ${heaviest.map(([path, size]) => `${path} ${size}`).join(', ')}`);
  for (const needed of ['/worklet.wasm', '/worker_bg.wasm']) assert.ok(sizes.has(needed), `no ${needed}`);
  for (const extra of ['/encoder.wasm', '/suppressor.wasm']) assert.ok(!sizes.has(extra), `${extra} for a listener`);
  assert.ok(total <= BYTES_MAX, `${total} bytes`);
  const encoder = listener.page.context().waitForEvent('requestfinished', (request) => request.url().endsWith('/encoder.wasm'));
  await listener.button('Raise hand').click();
  await encoder;
  for (const person of [host, listener]) await person.leaves();
});
