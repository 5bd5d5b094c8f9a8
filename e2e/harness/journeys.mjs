// What people do on a stage, whatever browsers they use: the same steps for every pairing.

import assert from 'node:assert/strict';

import { Person } from './person.mjs';
import { rms } from './sound.mjs';

// Whether voice reaches the person's loudspeaker. The first half second is left out: what was delivered before a mute
// may still be in the playout buffer, which holds a quarter of a second at most.
export const hears = async (person) => {
  const { samples, rate } = await person.hears(1.5);
  return rms(samples.subarray(Math.round(rate / 2))) > 0.01;
};

// A host with a room, and two who listen. `browsers` names one for each.
export const gather = async (browsers, url, room, options = {}) => {
  const host = await Person.arrive(browsers.host, 'Hanna', options);
  const link = await host.createsRoom(url, room);
  const leo = await Person.arrive(browsers.leo, 'Leo', options);
  await leo.joins(link);
  const mia = await Person.arrive(browsers.mia, 'Mia', options);
  await mia.joins(link);
  for (const name of ['Leo', 'Mia']) await host.listed('Audience', name).waitFor();
  return { host, leo, mia, link };
};

export const disperse = async (...people) => {
  for (const person of people) {
    assert.deepEqual(person.complaints, [], `${person.name}'s console`);
    await person.leaves();
  }
};

// Raise hand, admit, speak, host mute, unmute asks, remove.
export const raisedHandJourney = async ({ host, leo, mia }, { listens = mia, shows = async () => {} } = {}) => {
  await leo.setsProcessing(false);
  assert.equal(await leo.button('Unmute').count(), 0, 'a listener has no microphone to open');
  await leo.button('Raise hand').click();
  await leo.button('Lower hand').waitFor();
  const raised = host.listed('Raised hands', 'Leo');
  await raised.waitFor();
  await mia.listed('Raised hands', 'Leo').waitFor();
  await shows('hand');
  await raised.getByRole('button', { name: 'Admit', exact: true }).click();

  await leo.tile('Leo').waitFor();
  await leo.button('Unmute').click();
  await leo.button('Mute').waitFor();
  await host.page.locator('li.tile[aria-label="Leo"][data-speaking]').waitFor();
  await shows('speaking');
  assert.ok(await hears(listens), `${listens.name} hears Leo`);

  await host.acts('Leo', 'Mute');
  // What a page is told of a mute comes after the last voice before it.
  for (const { page } of [leo, listens]) await page.locator('li.tile[aria-label="Leo"][data-muted]').waitFor();
  assert.ok(await leo.button('Unmute').isDisabled(), 'only the host lifts it');
  assert.ok(!(await hears(listens)), `${listens.name} hears nobody`);
  await host.acts('Leo', 'Allow to speak');
  await leo.page.locator('.own-bar button:enabled', { hasText: 'Unmute' }).waitFor();
  assert.ok(!(await hears(listens)), 'lifting a mute opens nothing');
  await leo.page.locator('.own-bar button:enabled', { hasText: 'Unmute' }).click();
  // The device was released: a browser takes its time to open it again.
  await host.page.locator('li.tile[aria-label="Leo"][data-speaking]').waitFor();
  assert.ok(await hears(listens), `${listens.name} hears Leo again`);

  await host.acts('Leo', 'Remove from stage');
  await leo.button('Raise hand').waitFor();
  await mia.listed('Audience', 'Leo').waitFor();
  assert.ok(!(await hears(listens)), 'Leo is off the stage');
};

// The seconds that an invitation shows.
const secondsLeft = async (person) => {
  const text = await person.page.getByRole('dialog').innerText();
  return Number(/(\d+)\s*s/.exec(text)?.[1]);
};

// Invite, countdown, accept.
export const invitationJourney = async ({ host, leo, mia }, { shows = async () => {} } = {}) => {
  await host.acts('Leo', 'Invite to stage');
  const accept = leo.button('Accept');
  await accept.waitFor();
  await leo.button('Reject').waitFor();
  await shows('invitation');
  const first = await secondsLeft(leo);
  assert.ok(first > 40 && first <= 60, `${first} s are left at first`);
  await leo.page.waitForFunction(
    (before) => Number(/(\d+)\s*s/.exec(document.querySelector('dialog[open]')?.innerText ?? '')?.[1]) < before,
    first,
  );
  assert.equal(await mia.button('Accept').count(), 0, 'nobody else is asked');
  assert.equal(await leo.button('Unmute').count(), 0, 'nobody is on stage before saying yes');
  await accept.click();
  await leo.tile('Leo').waitFor();
  await leo.button('Unmute').waitFor();
  await mia.tile('Leo').waitFor();
  assert.equal(await leo.page.getByRole('dialog').count(), 0, 'the dialog has closed');
};
