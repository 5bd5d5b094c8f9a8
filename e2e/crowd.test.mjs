// Real pages among two hundred headless members, and a server that is killed under them: who sits where is as it was, for
// everybody, and nobody does anything for it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launchChromium } from './harness/browsers.mjs';
import { seatCrowd, untilAllAreHere } from './harness/crowd.mjs';
import { disperse } from './harness/journeys.mjs';
import { Person } from './harness/person.mjs';
import { startServer } from './harness/server.mjs';

const ROOM = 'hall';
const CROWD = 200;
const PAGES = 2;

let server;
let browser;
let crowd;

before(async () => {
  server = await startServer();
  browser = await launchChromium();
});

after(async () => {
  await browser?.close();
  await crowd?.stop();
  await server?.stop();
});

const arrives = (name) => Person.arrive(browser, name, { tapped: false });
const everybody = () => untilAllAreHere(server.url, ROOM, CROWD + PAGES);
// What lasts of a seat: whose it is, since when, and what its owner is there.
const lasting = (members) => members.map(({ seat, user, name, role, joined_ms }) => ({ seat, user, name, role, joined_ms }));
const connection = (person, state) => person.page.locator(`.connection-chip[data-state="${state}"]`).waitFor();

// Kills the server and starts it again; resolves when everybody is back and every seat is what it was. `people` are at the
// pages: they have no microphone open, and click nothing.
const outlivesACrash = async (context, people) => {
  const earlier = await everybody();
  const isMarked = (person, marks) => person.page.evaluate((mark) => (window.e2eSamePage ||= mark), marks);
  await Promise.all(people.map((person) => isMarked(person, true)));
  const asked = await Promise.all(people.map((person) => person.microphonesWanted()));

  const cut = Promise.all(people.map((person) => connection(person, 'reconnecting')));
  const killed = performance.now();
  server = await server.killAndRestart();
  const started = performance.now();
  await cut;
  await Promise.all(people.map((person) => connection(person, 'online')));
  const online = performance.now();
  const later = await everybody();
  const since = (from, to) => `${Math.round(to - from)} ms`;
  context.diagnostic(`started again after ${since(killed, started)}, the pages back ${since(started, online)} later`);
  context.diagnostic(`everybody back ${since(started, performance.now())} after the start`);

  assert.deepEqual(lasting(later), lasting(earlier));
  assert.deepEqual(await Promise.all(people.map((person) => person.microphonesWanted())), asked, 'no microphone was asked for');
  await Promise.all(people.map((person) => person.holdsMicrophones(0)));
  const same = await Promise.all(people.map((person) => isMarked(person, false)));
  assert.ok(same.every(Boolean), 'no page was loaded anew');
};

test(`after a crash a page among ${CROWD} members is back by itself: with its chair, its hand, its seat on stage`, async (context) => {
  const host = await arrives('Hanna');
  const link = await host.createsRoom(server.url, { title: 'Hall', id: ROOM });
  crowd = seatCrowd(server.url, ROOM, CROWD);
  const gone = crowd.ended.then((said) => Promise.reject(new Error(`the crowd has gone:\n${said}`)));
  const journey = async () => {
    const leo = await arrives('Leo');
    await leo.joins(link);
    await leo.button('Raise hand').click();
    await leo.hasBeenGivenMicrophones(1); // Asked for by the click, and given back at once.
    await leo.holdsMicrophones(0);
    const hand = host.listed('Raised hands', 'Leo');
    await hand.waitFor();

    await outlivesACrash(context, [host, leo]);
    await leo.button('Lower hand').waitFor();
    await leo.listed('Raised hands', 'Leo').waitFor();
    await leo.tile('Hanna').locator('.badge--host').waitFor();
    await host.button('Unmute').waitFor();

    // What the page shows is what the server means: the hand is admitted.
    await hand.getByRole('button', { name: 'Admit', exact: true }).click();
    await leo.button('Unmute').waitFor();
    await outlivesACrash(context, [host, leo]);
    await host.tile('Leo').waitFor();
    await leo.tile('Leo').waitFor();
    assert.equal(await leo.button('Unmute').count(), 1, 'on stage, and muted as before');
    await leo.button('Unmute').click();
    await leo.holdsMicrophones(1);
    await disperse(host, leo);
  };
  await Promise.race([journey(), gone]);
});
