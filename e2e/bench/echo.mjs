// Echo: how much of a voice comes back from a room in which it is played beside an open microphone.
//
//   cargo xtask bench echo

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { launchChromium, launchFirefox } from '../harness/browsers.mjs';
import { echoReturnLoss, startEchoingRoom } from '../harness/echo.mjs';
import { startServer } from '../harness/server.mjs';
import { speak } from '../harness/sound.mjs';

const SENTENCE = 'Good evening everybody. The stage is open, and every voice in this room can be heard clearly tonight.';

const without = (listener) => listener.setsProcessing(false);

const onlyEcho = async (listener) => {
  await without(listener);
  await listener.button('Settings').click();
  await listener.page.getByRole('switch', { name: 'Echo cancellation', exact: true }).click();
  await listener.page.keyboard.press('Escape');
};

// The room's own loudspeaker, by its name instead of as the default.
const chosenOutput = async (listener) => {
  // Names are told to pages that have been given a microphone.
  await listener.button('Settings').click();
  await listener.button('Test the microphone').click();
  await listener.page.getByText('Recording. Say something.').waitFor();
  const choice = listener.page.getByLabel('Sound output', { exact: true });
  const names = await choice.locator('option').allInnerTexts();
  const name = names.find((each) => /loudspeaker/i.test(each) && !/default/i.test(each));
  if (name === undefined) throw new Error(`no loudspeaker among ${names.join(', ')}`);
  await choice.selectOption({ label: name });
  await listener.page.keyboard.press('Escape');
};

const CASES = [
  ['Chromium, default output, nothing switched on', launchChromium, without],
  ['Chromium, default output, echo cancellation alone', launchChromium, onlyEcho],
  ['Chromium, default output, the defaults', launchChromium],
  ['Chromium, default output chosen by its name, the defaults', launchChromium, chosenOutput],
  ['Chromium, another output than the default chosen, the defaults', launchChromium, chosenOutput, 'spare'],
  ['Firefox, nothing switched on', launchFirefox, without],
  ['Firefox, echo cancellation alone', launchFirefox, onlyEcho],
  ['Firefox, the defaults', launchFirefox],
];

const folder = await mkdtemp(join(tmpdir(), 'dais-echo-'));
const wav = join(folder, 'speech.wav');
const server = await startServer();
const sound = await startEchoingRoom();
try {
  await speak(wav, SENTENCE);
  console.log('| listener | comes back quieter by |\n|---|---|');
  for (const [index, [name, launch, prepares, defaultOutput = 'loudspeaker']] of CASES.entries()) {
    await sound.control('set-default-sink', defaultOutput);
    const browser = await launch({ pulseServer: sound.server });
    try {
      const { lossDb } = await echoReturnLoss({ server, sound, browser, wav, id: `case-${index}`, prepares });
      console.log(`| ${name} | ${lossDb.toFixed(1)} dB |`);
    } finally {
      await browser.close();
    }
  }
} finally {
  await sound.stop();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}
