// Sound that goes on: beside a page that is busy, on a device that runs dry, after its module has trapped, and from a microphone
// whose queue is emptied.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { launchChromium } from './harness/browsers.mjs';
import { judgeUndisturbed } from './harness/machine.mjs';
import { Person } from './harness/person.mjs';
import { startServer } from './harness/server.mjs';
import { rms, silences, tone, writeWav } from './harness/sound.mjs';

const TONE = tone({ hz: 440, seconds: 10, amplitude: 0.25 });
const BLOCKED_MS = 2_000;

let server;
let browser;
let folder;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dais-robust-'));
  const wav = join(folder, 'tone.wav');
  await writeWav(wav, TONE, 48_000);
  server = await startServer();
  browser = await launchChromium({ wav });
});

after(async () => {
  await browser?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

// A host who sends a steady tone, and a listener who hears it.
const toneAndListener = async (id) => {
  const host = await Person.arrive(browser, 'Hanna', { tapped: false });
  const link = await host.createsRoom(server.url, { title: 'Robust', id });
  await host.setsProcessing(false);
  const listener = await Person.arrive(browser, 'Leo');
  await listener.joins(link);
  await host.button('Unmute').click();
  await host.button('Mute').waitFor();
  await listener.page.waitForFunction(() => window.e2eTaps.length > 0);
  await listener.hears(2); // What a browser takes to open a microphone and fill its buffers.
  return { host, listener };
};

const disperse = async (...people) => {
  for (const person of people) {
    assert.deepEqual(person.complaints, [], `${person.name}'s console`);
    await person.leaves();
  }
};

test('a listener’s page that is busy for two seconds costs no sound', async (context) => {
  const { host, listener } = await toneAndListener('busy');
  const hearBusy = async () => {
    const hearing = listener.hears(5);
    await sleep(500);
    const blockedMs = await listener.page.evaluate((ms) => {
      const start = performance.now();
      while (performance.now() - start < ms);
      return performance.now() - start;
    }, BLOCKED_MS);
    return { blockedMs, heard: await hearing };
  };
  await judgeUndisturbed(context, hearBusy, ({ blockedMs, heard }) => {
    const { silentShare, runsMs, longRuns } = silences(heard, rms(TONE) / 10);
    context.diagnostic(`blocked for ${blockedMs.toFixed(0)} ms; silences of ${JSON.stringify(runsMs)} ms`);
    assert.equal(heard.gaps, 0, 'the recording itself has no gap');
    assert.equal(longRuns, 0, 'no silence of over 40 ms');
    assert.ok(silentShare <= 0.01, `silent for ${silentShare * 100} % of the time`);
  });
  await disperse(host, listener);
});

// Holds the audio thread up when told to, for longer than any quick device has in store.
const STALL = `registerProcessor('e2e-stall', class extends AudioWorkletProcessor {
  constructor() {
    super();
    this.until = 0;
    this.port.onmessage = () => (this.until = Date.now() + 250);
  }
  process() {
    while (Date.now() < this.until);
    return true;
  }
});`;

test('a device that runs dry time and again is played later and more steadily, once', async (context) => {
  const { host, listener } = await toneAndListener('dry');
  await listener.page.evaluate(async (source) => {
    const { context } = window.e2eTaps.at(-1).node;
    await context.audioWorklet.addModule(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })));
    window.e2eStall = new AudioWorkletNode(context, 'e2e-stall');
    window.e2eStall.connect(window.e2eTaps.at(-1).node);
    window.e2eContext = context;
  }, STALL);
  assert.equal(await listener.page.evaluate(() => window.e2eTaps.length), 1);
  for (let time = 0; time < 3; time += 1) {
    await listener.page.evaluate(() => window.e2eStall.port.postMessage(0));
    await sleep(600);
  }
  await listener.isTold('The sound was interrupted several times.');
  await listener.page.waitForFunction(() => window.e2eContext.state === 'closed');
  const [before, after] = await listener.page.evaluate(() => [
    window.e2eContext.baseLatency,
    window.e2eTaps.at(-1).node.context.baseLatency,
  ]);
  context.diagnostic(`base latency ${(before * 1000).toFixed(0)} ms, then ${(after * 1000).toFixed(0)} ms`);
  assert.ok(after > before);
  await judgeUndisturbed(context, () => listener.hears(2), ({ samples }) => {
    assert.ok(rms(samples) > rms(TONE) / 2, 'the tone goes on');
  });
  await disperse(host, listener);
});

// Joins the audio thread before the page's own files: keeps hold of each module's instance, and when told overwrites all that
// the newest one remembers. Whatever it does next, it reads far outside its memory.
const CORRUPTION = `{
  const { Instance } = WebAssembly;
  let newest;
  WebAssembly.Instance = class extends Instance {
    constructor(...all) {
      super(...all);
      newest = this;
    }
  };
  registerProcessor('e2e-corruption', class extends AudioWorkletProcessor {
    constructor() {
      super();
      this.port.onmessage = () => new Uint8Array(newest.exports.memory.buffer).fill(0xff);
    }
    process() {
      return true;
    }
  });
}`;

const addFirst = (source) => {
  const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
  const { addModule } = AudioWorklet.prototype;
  AudioWorklet.prototype.addModule = async function (...all) {
    if (all[0] === '/playout.js') await addModule.call(this, url);
    return addModule.apply(this, all);
  };
};

const SOUND_AGAIN_MS_MAX = 100;

test('after its module has trapped a listener hears again within a tenth of a second', async (context) => {
  const host = await Person.arrive(browser, 'Hanna', { tapped: false });
  const link = await host.createsRoom(server.url, { title: 'Trap', id: 'trap' });
  await host.setsProcessing(false);
  const listener = await Person.arrive(browser, 'Leo');
  await listener.page.addInitScript(addFirst, CORRUPTION);
  await listener.joins(link);
  await host.button('Unmute').click();
  await listener.page.waitForFunction(() => window.e2eTaps.at(-1)?.node !== undefined);
  await listener.hears(2);
  await listener.page.evaluate(() => {
    const { context } = window.e2eTaps.at(-1).node;
    window.e2eCorruption = new AudioWorkletNode(context, 'e2e-corruption');
  });
  const hearTrapped = async () => {
    const hearing = listener.hears(4);
    await sleep(1_000);
    await listener.page.evaluate(() => window.e2eCorruption.port.postMessage(0));
    return hearing;
  };
  await judgeUndisturbed(context, hearTrapped, (heard) => {
    const { runsMs } = silences(heard, rms(TONE) / 10);
    context.diagnostic(`silences of ${JSON.stringify(runsMs)} ms`);
    assert.equal(heard.gaps, 0, 'the audio thread itself goes on');
    assert.ok(runsMs.length > 0, 'a trap can be heard');
    assert.ok(Math.max(...runsMs) <= SOUND_AGAIN_MS_MAX, `silent for ${Math.max(...runsMs)} ms`);
  });
  await disperse(host, listener);
});

// Runs in the page before its own scripts: keeps a list of what gives a microphone to an AudioContext.
const listSources = () => {
  window.e2eSources = [];
  const { createMediaStreamSource } = AudioContext.prototype;
  AudioContext.prototype.createMediaStreamSource = function (stream) {
    window.e2eSources.push(this.sinkId);
    return createMediaStreamSource.call(this, stream);
  };
};

test('while nobody speaks the queue before the microphone’s context is emptied, and the voice goes on', async (context) => {
  const wav = join(folder, 'on-and-off.wav');
  const second = tone({ hz: 440, seconds: 1, amplitude: 0.25 });
  const pattern = new Float32Array(4 * second.length);
  pattern.set(second, 0);
  pattern.set(second, second.length);
  await writeWav(wav, pattern, 48_000);
  const pausing = await launchChromium({ wav });
  try {
    const host = await Person.arrive(pausing, 'Hanna', { tapped: false });
    await host.page.addInitScript(listSources);
    const link = await host.createsRoom(server.url, { title: 'Pauses', id: 'pauses' });
    await host.setsProcessing(false);
    const listener = await Person.arrive(pausing, 'Leo');
    await listener.joins(link);
    await host.button('Unmute').click();
    await host.page.waitForFunction(() => window.e2eSources.length >= 3);
    const sinks = await host.page.evaluate(() => window.e2eSources.map((sink) => sink.type));
    assert.deepEqual([...new Set(sinks)], ['none'], 'no loudspeaker clocks it');
    await judgeUndisturbed(context, () => listener.hears(8), ({ samples }) => {
      const level = rms(samples) / rms(pattern);
      context.diagnostic(`heard at ${level.toFixed(2)} of what was said`);
      assert.ok(level > 0.8 && level < 1.25, `heard at ${level}`);
    });
    await disperse(host, listener);
  } finally {
    await pausing.close();
  }
});
