// What is left of clean speech on its way from a microphone to a loudspeaker, through Dais and its server, beside the same
// browser's own WebRTC, turn by turn; processing off.
//
//   cargo xtask bench speech [--pairs N]

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { launchChromium } from '../harness/browsers.mjs';
import { startServer } from '../harness/server.mjs';
import { judge, speak, writeWav } from '../harness/sound.mjs';
import { startSoundCard } from './sound_card.mjs';
import { daisTurns, webrtcTurns } from './turns.mjs';

const RATE = 48_000;
// Harvard sentences (IEEE, 1969).
const SENTENCES = [
  'The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background.',
  'It is easy to tell the depth of a well. These days a chicken leg is a rare dish.',
  'Rice is often served in round bowls. The juice of lemons makes fine punch.',
  'The box was thrown beside the parked truck. The hogs were fed chopped corn and garbage.',
  'Four hours of steady work faced us. A large size in stockings is hard to sell.',
];
// What browsers take to settle after a microphone went on, and what is recorded of each clip and its way.
const SETTLE_SECONDS = 3;
const RECORDED_SECONDS = 9;

const { values: options } = parseArgs({ options: { pairs: { type: 'string', default: '5' } } });

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

const turn = async (card, folder, clip, speaks) => {
  await speaks(true);
  await new Promise((resolve) => setTimeout(resolve, SETTLE_SECONDS * 1000));
  let played;
  const { heard } = await card.record(RECORDED_SECONDS, () => {
    played = card.play(clip);
  });
  await played;
  await speaks(false);
  const path = join(folder, 'heard.wav');
  await writeWav(path, heard, RATE);
  return judge(clip, path);
};

const folder = await mkdtemp(join(tmpdir(), 'dais-speech-'));
const card = await startSoundCard();
const server = await startServer();
const args = ['--autoplay-policy=no-user-gesture-required', `--unsafely-treat-insecure-origin-as-secure=${server.url}`];
const browser = await launchChromium({ pulseServer: card.server, args });
try {
  const browsers = { speaker: browser, listener: browser };
  const dais = await daisTurns(browsers, server.url, { processing: false });
  const webrtc = await webrtcTurns(browsers, server.url, { processing: false });
  const pairs = [];
  for (let pair = 0; pair < Number(options.pairs); pair += 1) {
    const clip = join(folder, 'clip.wav');
    await speak(clip, SENTENCES[pair % SENTENCES.length]);
    const through = await turn(card, folder, clip, dais.speaks);
    const beside = await turn(card, folder, clip, webrtc.speaks);
    pairs.push({ dais: through, webrtc: beside });
    console.log(`pair ${pair + 1}: PESQ Dais ${through.pesq.toFixed(2)}, WebRTC ${beside.pesq.toFixed(2)}`);
  }
  const of = (who, what) => median(pairs.map((pair) => pair[who][what]));
  for (const who of ['dais', 'webrtc']) {
    console.log(`${who}: median PESQ ${of(who, 'pesq').toFixed(2)}, STOI ${of(who, 'stoi').toFixed(3)} of ${pairs.length}`);
  }
  const holds = of('dais', 'pesq') >= of('webrtc', 'pesq');
  console.log(holds ? 'holds: no less than WebRTC' : 'FAILS: less than WebRTC');
  process.exitCode = holds ? 0 : 1;
} finally {
  await browser.close();
  await server.stop();
  await card.stop();
  await rm(folder, { recursive: true, force: true });
}
