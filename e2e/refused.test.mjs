// A page that comes, and whose connection does not: it says what is in the way, and goes on once that is gone.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launchChromium } from './harness/browsers.mjs';
import { startNginx } from './harness/nginx.mjs';
import { Person } from './harness/person.mjs';
import { startServer } from './harness/server.mjs';
import { startWire } from './harness/wire.mjs';

let browser;

before(async () => {
  browser = await launchChromium();
});

after(async () => {
  await browser?.close();
});

const online = (person) => person.page.locator('.connection-chip[data-state=online]').waitFor();

// Lets somebody visit a server behind a proxy that does not do what docs/deploy.md says.
const behind = async (spoil, visit) => {
  const server = await startServer({ options: ['--trust-proxy', '127.0.0.1'] });
  const nginx = await startNginx(server.url, spoil);
  const wire = await startWire(server.url, nginx);
  try {
    const visitor = await Person.arrive(browser, 'Visitor', { tapped: false });
    await visitor.page.goto(wire.url);
    await visit(visitor);
    await visitor.context.close();
  } finally {
    await wire.stop();
    await nginx.stop();
    await server.stop();
  }
};

test('a proxy that gives the server another name is blamed for that', async () => {
  const renamed = (location) => location.replace('Host $http_host', 'Host inside.example');
  assert.notEqual(renamed('Host $http_host'), 'Host $http_host');
  await behind(renamed, async (visitor) => {
    await visitor.isTold(/asked by another name than stands in your address bar.*--allow-origin/s);
    await visitor.page.getByRole('button', { name: 'Retry', exact: true }).first().waitFor();
  });
});

test('a proxy that lets no WebSocket through is blamed for that', async () => {
  const plain = (location) => location.replace(/^.*(Upgrade|Connection) .*$/gm, '');
  await behind(plain, (visitor) => visitor.isTold(/something on the way lets no WebSocket connection through/));
});

// Two visit a server with one place: the second is told why there is none, and comes in when the first has gone.
const withOnePlace = async (option, told) => {
  const server = await startServer({ options: [option, '1'] });
  try {
    const first = await Person.arrive(browser, 'First', { tapped: false });
    await first.page.goto(server.url);
    await online(first);
    const second = await Person.arrive(browser, 'Second', { tapped: false });
    await second.page.goto(server.url);
    await second.isTold(told);
    await first.context.close();
    await online(second);
    await second.page.getByText(told).first().waitFor({ state: 'detached' });
    await second.context.close();
  } finally {
    await server.stop();
  }
};

test('a network that has its share is told so, and let in when there is a place', () =>
  withOnePlace('--connections-per-address', /as many connections as one network may have here/));

test('a full server says so, and lets in when there is a place', () => withOnePlace('--connections', /server is full at the moment/));
