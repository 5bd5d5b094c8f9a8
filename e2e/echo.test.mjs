// What a loudspeaker plays beside an open microphone does not come back to who spoke.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { launchChromium } from './harness/browsers.mjs';
import { echoReturnLoss, startEchoingRoom } from './harness/echo.mjs';
import { judgeUndisturbed } from './harness/machine.mjs';
import { startServer } from './harness/server.mjs';
import { speak } from './harness/sound.mjs';

const SENTENCE = 'Good evening everybody. The stage is open, and every voice in this room can be heard clearly tonight.';
const LOSS_DB_MIN = 20;
// The room itself takes 12 dB.
const ROOM_DB_MAX = 16;

let folder;
let server;
let sound;
let browser;
let wav;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dais-echo-'));
  wav = join(folder, 'speech.wav');
  await speak(wav, SENTENCE);
  server = await startServer();
  sound = await startEchoingRoom();
  browser = await launchChromium({ pulseServer: sound.server });
});

after(async () => {
  await browser?.close();
  await sound?.stop();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

test('with the defaults, a voice comes back at least 20 dB quieter after five seconds', async (context) => {
  let rooms = 0;
  const measure = () => echoReturnLoss({ server, sound, browser, wav, id: `defaults-${(rooms += 1)}` });
  await judgeUndisturbed(context, measure, ({ playedDb, lossDb, nearDb }) => {
    context.diagnostic(
      `played at ${playedDb.toFixed(0)} dBFS, back ${lossDb.toFixed(1)} dB quieter; who speaks in the room is heard at ${nearDb.toFixed(0)}`,
    );
    assert.ok(nearDb > -45, `who speaks in the room is heard at ${nearDb} dBFS`);
    assert.ok(playedDb > -45, `played at ${playedDb} dBFS`);
    assert.ok(lossDb >= LOSS_DB_MIN, `only ${lossDb} dB quieter`);
  });
});

test('and that is not the room’s doing', async (context) => {
  const prepares = (listener) => listener.setsProcessing(false);
  let rooms = 0;
  const measure = () => echoReturnLoss({ server, sound, browser, wav, id: `without-${(rooms += 1)}`, prepares });
  await judgeUndisturbed(context, measure, ({ lossDb }) => {
    context.diagnostic(`without cancellation ${lossDb.toFixed(1)} dB quieter`);
    assert.ok(lossDb <= ROOM_DB_MAX, `${lossDb} dB quieter without cancellation`);
  });
});
