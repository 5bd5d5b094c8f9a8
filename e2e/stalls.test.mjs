// What a network does that stops for two seconds and goes on: the sound is soon as late as it was, and not for good later.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { launchChromium } from './harness/browsers.mjs';
import { addChirps, chirpTimes } from './harness/chirps.mjs';
import { Void, judgeUndisturbed } from './harness/machine.mjs';
import { startNginx } from './harness/nginx.mjs';
import { Person } from './harness/person.mjs';
import { startServer } from './harness/server.mjs';
import { writeWav } from './harness/sound.mjs';
import { startWire } from './harness/wire.mjs';

const RATE = 48_000;
// The fake microphone plays this round and round.
const PERIOD_SECONDS = 10;
const pattern = addChirps(new Float32Array(PERIOD_SECONDS * RATE));
const spoken = chirpTimes(pattern);

const BEFORE_SECONDS = 5;
const HELD_SECONDS = 2;
const BACK_SECONDS_MAX = 3;
const AFTER_SECONDS = 8;
// Playout stretches by whole periods of a voice, and aims at a lag that moves: the baseline is as wide as that.
const BASELINE_SECONDS = 0.04;
// Of the ten seconds that the panel tells of: 300 ms.
const DISCARDED_PERCENT_MAX = 3;

let folder;
let server;
let browser;
let wire;
let nginx;
let proxied;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dais-stalls-'));
  const wav = join(folder, 'chirps.wav');
  await writeWav(wav, pattern, RATE);
  server = await startServer();
  wire = await startWire(server.url);
  nginx = await startNginx(server.url);
  proxied = await startWire(server.url, nginx);
  browser = await launchChromium({ wav });
});

after(async () => {
  await browser?.close();
  await wire?.stop();
  await proxied?.stop();
  await nginx?.stop();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

const resampled = ({ samples, rate }) =>
  Float32Array.from({ length: Math.floor((samples.length * RATE) / rate) - 1 }, (_, index) => {
    const at = (index * rate) / RATE;
    const below = Math.floor(at);
    return samples[below] + (samples[below + 1] - samples[below]) * (at - below);
  });

// How far `time` lies behind the nearest chirp of the pattern that began at `origin`, in seconds.
const behind = (time, origin) => {
  const offsets = spoken.map((chirp) => {
    const off = time - origin - chirp;
    return off - PERIOD_SECONDS * Math.round(off / PERIOD_SECONDS);
  });
  return offsets.reduce((best, off) => (Math.abs(off) < Math.abs(best) ? off : best));
};

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

// When the pattern began, as far as the chirps heard before the stall tell.
const originOf = (heard) => {
  const misfit = (origin) => median(heard.map((time) => Math.abs(behind(time, origin))));
  return spoken.map((chirp) => heard[0] - chirp).reduce((best, origin) => (misfit(origin) < misfit(best) ? origin : best));
};

// A host who sends whatever the microphone gives, and a listener; one of them beyond the wire.
const talk = async (id, wire, beyond) => {
  const host = await Person.arrive(browser, 'Hanna');
  const link = await host.createsRoom(beyond === 'speaker' ? wire.url : server.url, { title: 'Stalls', id });
  await host.setsProcessing(false);
  await host.button('Settings').click();
  await host.page.getByRole('radio', { name: /Open microphone/ }).check();
  await host.page.keyboard.press('Escape');
  const leo = await Person.arrive(browser, 'Leo');
  await leo.joins(`${beyond === 'listener' ? wire.url : server.url}${new URL(link).pathname}`);
  await host.listed('Audience', 'Leo').waitFor();
  await host.button('Unmute').click();
  await leo.page.waitForFunction(() => window.e2eTaps.length > 0);
  await leo.hears(4);
  return { host, leo };
};

const survives = async (context, wire, direction, beyond) => {
  const { host, leo } = await talk(wire === proxied ? `proxied-${direction}` : `stall-${direction}`, wire, beyond);
  const stall = async () => {
    await sleep(BEFORE_SECONDS * 1000);
    wire.hold(direction);
    await sleep(HELD_SECONDS * 1000);
    wire.goOn(direction);
  };
  const hear = async () => {
    const [heard] = await Promise.all([leo.hears(BEFORE_SECONDS + HELD_SECONDS + AFTER_SECONDS), stall()]);
    // Before the search for chirps, which holds the wire up.
    const quality = await leo.quality();
    return { times: chirpTimes(resampled(heard)), quality };
  };
  await judgeUndisturbed(context, hear, ({ times, quality }) => {
    const origin = originOf(times.filter((time) => time < BEFORE_SECONDS));
    const lags = times.map((time) => [time, behind(time, origin)]);
    const all = lags.map(([time, lag]) => `${time.toFixed(1)} s ${(lag * 1000).toFixed(0)} ms`).join(', ');
    context.diagnostic(`behind the time before the stall: ${all}`);
    const undisturbed = lags.filter(([time]) => time < BEFORE_SECONDS).map(([, lag]) => lag);
    const baseline = median(undisturbed);
    if (undisturbed.some((lag) => Math.abs(lag - baseline) > BASELINE_SECONDS)) throw new Void('unsteady before the stall');
    // The tap's chunks and the two timers add up to a tenth of a second.
    const back = lags.filter(([time]) => time > BEFORE_SECONDS + HELD_SECONDS + BACK_SECONDS_MAX + 0.1);
    assert.ok(back.length >= 4, `${back.length} chirps in the last seconds`);
    const discarded = Number(/Thrown away to catch up\s+([\d.]+) %/.exec(quality)[1]);
    context.diagnostic(`thrown away in the last ten seconds: ${discarded} %`);
    assert.ok(discarded <= DISCARDED_PERCENT_MAX, `${discarded} % thrown away`);
    const isOff = ([, lag]) => Math.abs(lag - baseline) > BASELINE_SECONDS;
    const off = back.filter(isOff);
    if (off.length > 0) {
      const [[time, lag]] = off;
      const said = `at ${time.toFixed(1)} s ${((lag - baseline) * 1000).toFixed(0)} ms later`;
      // What was back in time, and is at the end, was not kept away by the stall.
      if (!isOff(back[0]) && !isOff(back.at(-1))) throw new Void(`unsteady after the stall: ${said}`);
      assert.fail(said);
    }
  });
  for (const person of [host, leo]) {
    assert.deepEqual(person.complaints, [], `${person.name}'s console`);
    await person.leaves();
  }
};

test('a listener whose way down stops for two seconds is soon as close as before', (context) =>
  survives(context, wire, 'down', 'listener'));

test('a speaker whose way up stops for two seconds is soon as close as before', (context) =>
  survives(context, wire, 'up', 'speaker'));

test('so is a listener behind a reverse proxy, whose buffers nobody can drop', (context) =>
  survives(context, proxied, 'down', 'listener'));

test('and a speaker behind one', (context) => survives(context, proxied, 'up', 'speaker'));
