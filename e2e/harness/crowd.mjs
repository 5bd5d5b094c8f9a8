// Headless members who fill a room's seats, all in one process.

import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

const WAIT_MS_MAX = 20_000;
const LOOK_MS = 100;

// Everybody who sits in a room, as the server tells its own machine: name, user, role, and whether connected.
export const membersOf = async (url, room) => {
  const members = [];
  for (let after = ''; after !== null; ) {
    const answer = await fetch(`${url}/api/rooms/${room}/members${after === '' ? '' : `?after=${after}`}`);
    if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
    const page = await answer.json();
    members.push(...page.members);
    after = page.next;
  }
  return members;
};

// Waits until so many sit in a room, all of them connected, and tells who.
export const untilAllAreHere = async (url, room, count) => {
  const deadline = Date.now() + WAIT_MS_MAX;
  for (;;) {
    const members = await membersOf(url, room);
    const connected = members.filter((member) => member.connected).length;
    if (members.length === count && connected === count) return members;
    if (Date.now() > deadline) throw new Error(`${connected} of ${members.length} are here, and not ${count}`);
    await sleep(LOOK_MS);
  }
};

// So many members in a room, who come back by themselves when their connections are lost. `ended` resolves with what they
// said when they are no more; until `stop` that is a failure.
export const seatCrowd = (url, room, count) => {
  const program = process.env.DAIS_BOTS_BIN;
  if (!program) throw new Error('DAIS_BOTS_BIN names no bots; run these tests with `cargo xtask test`');
  const server = `${url.replace('http', 'ws')}/ws`;
  const options = ['--server', server, '--room', room, '--members', `${count}`, '--name', 'Member'];
  const bots = spawn(program, ['attend', ...options], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  bots.stderr.on('data', (chunk) => {
    said += chunk;
  });
  const ended = new Promise((resolve) => bots.once('exit', () => resolve(said)));
  const stop = async () => {
    bots.kill();
    await ended;
  };
  return { ended, stop };
};
