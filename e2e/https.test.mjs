// A stage over HTTPS with the certificate that the server makes itself, which people are warned of and accept.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { launchChromium } from './harness/browsers.mjs';
import { disperse, hears } from './harness/journeys.mjs';
import { Person } from './harness/person.mjs';
import { startServer } from './harness/server.mjs';
import { tone, writeWav } from './harness/sound.mjs';

let server;
let folder;
let browser;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dais-https-'));
  const wav = join(folder, 'tone.wav');
  await writeWav(wav, tone({ hz: 440, seconds: 10, amplitude: 0.25 }), 48_000);
  server = await startServer({ options: ['--tls', 'self-signed'] });
  browser = await launchChromium({ wav });
});

after(async () => {
  await browser?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

test('who has accepted the certificate joins, speaks and is heard', async () => {
  assert.match(server.url, /^https:/);
  const host = await Person.arrive(browser, 'Hanna', { warned: true });
  const link = await host.createsRoom(server.url, { title: 'Inside', id: 'inside' });
  const leo = await Person.arrive(browser, 'Leo', { warned: true });
  await leo.joins(link);
  assert.ok(await leo.page.evaluate(() => window.isSecureContext && window.crossOriginIsolated), 'as over any HTTPS');
  await host.button('Unmute').click();
  await host.holdsMicrophones(1);
  await leo.page.locator('li.tile[aria-label="Hanna"][data-speaking]').waitFor();
  assert.ok(await hears(leo), 'Leo hears Hanna');
  await host.button('Mute').click();
  await host.button('Unmute').waitFor();
  assert.ok(!(await hears(leo)), 'until she mutes herself');
  await disperse(host, leo);
});

test('who has not is not let in by the browser', async () => {
  const mia = await Person.arrive(browser, 'Mia', { tapped: false });
  await assert.rejects(mia.page.goto(server.url), /ERR_CERT_AUTHORITY_INVALID/);
  await mia.leaves();
});
