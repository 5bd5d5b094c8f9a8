// Mouth to ear: from what goes into a microphone to what comes out of a loudspeaker, through Dais and its server, beside
// the same browser's own WebRTC, turn by turn.
//
//   cargo xtask bench mouth-to-ear [--pairs N] [--one-way MS --loss PERCENT]

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { launchChromium } from '../harness/browsers.mjs';
import { startServer } from '../harness/server.mjs';
import { speak, writeWav } from '../harness/sound.mjs';
import { addChirps, chirpDelays } from '../harness/chirps.mjs';
import { startEmulator } from './emulator.mjs';
import { startSoundCard } from './sound_card.mjs';
import { daisTurns, webrtcTurns } from './turns.mjs';

const RATE = 48_000;
const SPEECH =
  'The birch canoe slid on the smooth planks, and the box was thrown beside the parked truck. It is easy to tell the depth of ' +
  'a well, while four hours of steady work faced us. Rice is often served in round bowls, and the juice of lemons makes fine punch.';
// A turn: what browsers take to settle after a microphone went on, and what is measured then.
const SETTLE_SECONDS = 4;
const MEASURED_SECONDS = 7;
// WebRTC's own figures lie this close together, quartile to quartile, or the machine is too busy to say anything.
const QUARTILES_MS_MAX = 20;
const PAIRS_MIN = 7;
const GATE_MS = 10;
// How far the page's own estimate may be off.
const ESTIMATE_OFF_MS_MAX = 15;

const { values: options } = parseArgs({
  options: {
    pairs: { type: 'string', default: '7' },
    'one-way': { type: 'string', default: '0' },
    loss: { type: 'string', default: '0' },
  },
});

const quantile = (numbers, part) => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = (sorted.length - 1) * part;
  const below = Math.floor(at);
  return sorted[below] + (sorted[Math.ceil(at)] - sorted[below]) * (at - below);
};
const median = (numbers) => quantile(numbers, 0.5);
const ms = (number) => (number === null || number === undefined ? 'no peak' : `${number.toFixed(1)} ms`);

// Speech with chirps in it, as samples: `seconds` of it.
const passage = async (folder, seconds) => {
  const path = join(folder, 'spoken.wav');
  await speak(path, SPEECH, { pad: 0 });
  const data = (await readFile(path)).subarray(44);
  const spoken = Float32Array.from({ length: data.length / 2 }, (_, index) => data.readInt16LE(index * 2) / 32_768 / 4);
  return addChirps(Float32Array.from({ length: seconds * RATE }, (_, index) => spoken[index % spoken.length]));
};

const measured = ({ spoken, heard }) => {
  const delays = chirpDelays(spoken, heard);
  const there = delays.filter((delay) => delay !== null);
  // Half the chirps are enough to say how late they are; fewer say that nothing is heard.
  return there.length * 2 >= delays.length && there.length > 2 ? median(there) : null;
};

// What is heard of a file that is played to `device`, after the first `skipped` seconds.
const listen = async (card, wav, device, skipped, seconds) => {
  let played;
  const { spoken, heard } = await card.record(skipped + seconds, () => {
    played = card.play(wav, device);
  });
  await played;
  return measured({ spoken: spoken.subarray(skipped * RATE), heard: heard.subarray(skipped * RATE) });
};

// One turn with the microphone open.
const turn = async (card, wav, speaks) => {
  await speaks(true);
  const delay = await listen(card, wav, 'studio', SETTLE_SECONDS, MEASURED_SECONDS);
  await speaks(false);
  return delay;
};

// The method itself: both channels the same, the one 37 ms behind, and nobody talking.
const checkMethod = async (card, folder, samples) => {
  const both = async (delayMs) => {
    const delay = Math.round((delayMs * RATE) / 1000);
    const length = MEASURED_SECONDS * RATE;
    const wav = join(folder, `wire-${delayMs}.wav`);
    const frames = new Float32Array(2 * length);
    for (let index = 0; index < length; index += 1) {
      frames[2 * index] = index < delay ? 0 : samples[index - delay];
      frames[2 * index + 1] = samples[index];
    }
    await writeWav(wav, frames, RATE, { channels: 2 });
    return listen(card, wav, 'card', 0, MEASURED_SECONDS);
  };
  const [wire, delayed] = [await both(0), await both(37)];
  console.log(`self-check: a direct wire reads ${ms(wire)}, one with 37 ms in it ${ms(delayed)}`);
  if (wire === null || Math.abs(wire) > 0.5 || delayed === null || Math.abs(delayed - wire - 37) > 0.5) {
    throw new Error('the method does not measure what it should');
  }
};

// Mouth to ear as the listener's page estimates it, in milliseconds.
const estimated = async (listener) => {
  const found = /Hanna\s+[\d.]+ ms\s+([\d.]+) ms/.exec(await listener.quality());
  return found ? Number(found[1]) : null;
};

const run = async (folder) => {
  const card = await startSoundCard();
  const emulator = await startEmulator({ oneWayMs: Number(options['one-way']), lossPercent: Number(options.loss) });
  const server = await startServer(emulator.server);
  const browsers = {};
  try {
    const samples = await passage(folder, SETTLE_SECONDS + MEASURED_SECONDS + 2);
    const wav = join(folder, 'chirps.wav');
    await writeWav(wav, samples, RATE);
    await checkMethod(card, folder, samples);

    const args = ['--autoplay-policy=no-user-gesture-required', `--unsafely-treat-insecure-origin-as-secure=${server.url}`];
    const launch = (inside) => launchChromium({ pulseServer: card.server, inside, args });
    browsers.speaker = await launch(emulator.speaker);
    browsers.listener = emulator.listener === emulator.speaker ? browsers.speaker : await launch(emulator.listener);
    const [dais, webrtc] = [await daisTurns(browsers, server.url), await webrtcTurns(browsers, server.url)];
    const pairs = [];
    for (let pair = 0; pair < Number(options.pairs); pair += 1) {
      const through = await turn(card, wav, dais.speaks);
      const estimate = await estimated(dais.listener);
      const beside = await turn(card, wav, webrtc.speaks);
      pairs.push({ dais: through, webrtc: beside, estimate });
      console.log(`pair ${pair + 1}: Dais ${ms(through)} (its own estimate ${ms(estimate)}), WebRTC ${ms(beside)}`);
    }
    await server.stop();
    const stopped = await turn(card, wav, async () => {});
    console.log(`self-check: with the server stopped, Dais reads ${ms(stopped)}`);
    if (stopped !== null) throw new Error('sound is measured where there is none');
    return pairs;
  } finally {
    await Promise.all(Object.values(browsers).map((browser) => browser.close()));
    await server.stop();
    await emulator.stop();
    await card.stop();
  }
};

const verdict = (holds, what) => {
  console.log(`${holds ? 'holds' : 'FAILS'}: ${what}`);
  if (!holds) process.exitCode = 1;
};

const judge = (pairs) => {
  const unheard = pairs.filter(({ webrtc }) => webrtc === null).length;
  if (unheard > 0) {
    console.log(`\nVOID: WebRTC itself was not heard in ${unheard} of ${pairs.length} pairs, the machine is too busy to tell`);
    process.exitCode = 2;
    return;
  }
  const heard = pairs.filter(({ dais, webrtc }) => dais !== null);
  const of = (key) => heard.map((pair) => pair[key]);
  const difference = median(heard.map(({ dais, webrtc }) => dais - webrtc));
  const spread = quantile(of('webrtc'), 0.75) - quantile(of('webrtc'), 0.25);
  console.log(`\nmedian of ${heard.length} pairs: Dais ${ms(median(of('dais')))}, WebRTC ${ms(median(of('webrtc')))}`);
  console.log(`median of the differences ${ms(difference)}; the quartiles of WebRTC lie ${ms(spread)} apart`);
  if (spread > QUARTILES_MS_MAX) {
    console.log(`VOID: over ${QUARTILES_MS_MAX} ms apart, the machine is too busy to tell`);
    process.exitCode = 2;
    return;
  }
  verdict(heard.length === pairs.length, `${heard.length} of ${pairs.length} pairs were heard`);
  if (pairs.length < PAIRS_MIN) console.log(`${pairs.length} pairs only: a verdict that counts takes ${PAIRS_MIN}`);
  const estimates = of('estimate').filter((estimate) => estimate !== null);
  const off = estimates.length === heard.length ? median(estimates) - median(of('dais')) : NaN;
  verdict(Math.abs(off) <= ESTIMATE_OFF_MS_MAX, `the page's own estimate is ${off.toFixed(1)} ms off, of ${ESTIMATE_OFF_MS_MAX}`);
  if (Number(options.loss) > 0) {
    console.log('no gate for the difference: a stream waits for what is lost on its way, and WebRTC makes it up');
  } else {
    verdict(difference <= GATE_MS, `${difference.toFixed(1)} ms more than WebRTC, of ${GATE_MS}`);
  }
};

const folder = await mkdtemp(join(tmpdir(), 'dais-bench-'));
try {
  judge(await run(folder));
} finally {
  await rm(folder, { recursive: true, force: true });
}
