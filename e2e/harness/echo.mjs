// A room with an echo: what the loudspeaker plays reaches the microphone 40 ms later and 12 dB quieter. How much of a voice
// comes back to who spoke?

import { setTimeout as sleep } from 'node:timers/promises';

import { launchChromium } from './browsers.mjs';
import { Person } from './person.mjs';
import { decibel, rms } from './sound.mjs';
import { startSoundServer } from './sound_server.mjs';

const PATH_DB = -12;
const MODULES = [
  'module-null-sink sink_name=loudspeaker rate=48000 channels=2 sink_properties=device.description=Loudspeaker',
  'module-null-sink sink_name=spare rate=48000 channels=2',
  'module-null-sink sink_name=studio rate=48000 channels=1',
  'module-remap-source master=studio.monitor source_name=microphone',
  'module-loopback source=loudspeaker.monitor sink=studio latency_msec=40 sink_dont_move=true source_dont_move=true',
];
// What a canceller may take to learn the room.
const LEARN_SECONDS = 5;
const MEASURED_SECONDS = 8;

export const startEchoingRoom = async () => {
  const sound = await startSoundServer({ modules: MODULES });
  const [loopback] = (await sound.control('list', 'short', 'sink-inputs')).split('\t');
  await sound.control('set-sink-input-volume', loopback, `${PATH_DB}dB`);
  return sound;
};

// By how much a voice that `listener` plays is quieter when it comes back to who speaks, in dB. Both are on stage, the
// listener with an open microphone; `prepares` sets the listener's page up. `browser` is in the room of `sound`, `wav` what is
// spoken: far away, and then in the room itself, to see how loud that is heard.
export const echoReturnLoss = async ({ server, sound, browser, wav, id, prepares }) => {
  const away = await launchChromium({ wav });
  try {
    const speaker = await Person.arrive(away, 'Hanna');
    const link = await speaker.createsRoom(server.url, { title: 'Echo', id, open: true });
    await speaker.setsProcessing(false);
    const listener = await Person.arrive(browser, 'Leo');
    await listener.joins(link);
    await listener.button('Settings').click();
    await listener.page.getByRole('radio', { name: /Open microphone/ }).check();
    await listener.page.keyboard.press('Escape');
    await prepares?.(listener);
    await listener.button('Take a seat').click();
    await listener.button('Unmute').click();
    await listener.button('Mute').waitFor();
    await speaker.button('Unmute').click();
    for (const person of [speaker, listener]) await person.page.waitForFunction(() => window.e2eTaps.length > 0);
    await sleep(LEARN_SECONDS * 1000);
    const [played, back] = await Promise.all([listener.hears(MEASURED_SECONDS), speaker.hears(MEASURED_SECONDS)]);
    // Somebody in the room speaks, while nobody does far away: the microphone is open, and is heard.
    await speaker.button('Mute').click();
    sound.speak(wav);
    await speaker.hears(2);
    const near = await speaker.hears(3);
    await listener.leaves();
    await speaker.leaves();
    const playedDb = decibel(rms(played.samples));
    return { playedDb, lossDb: playedDb - decibel(rms(back.samples) + 1e-6), nearDb: decibel(rms(near.samples) + 1e-6) };
  } finally {
    await away.close();
  }
};
