// Real browsers with a microphone of our choice. Chromium plays a file into its fake microphone;
// Firefox listens to a private sound server, see sound_server.mjs.

import { chromium, firefox } from 'playwright-core';

const program = (variable) => {
  const path = process.env[variable];
  if (!path) throw new Error(`${variable} names no browser; run these tests with \`cargo xtask test\``);
  return path;
};

// Chromium whose microphone plays `wav` round and round, or is refused to every page; or with the microphone and the
// loudspeaker of a sound server. `inside` is a program that starts it somewhere else.
export const launchChromium = ({ wav, microphone = 'granted', pulseServer, inside, args = [] } = {}) =>
  chromium.launch({
    executablePath: inside ?? program('CHROMIUM'),
    headless: true,
    env: pulseServer ? { ...process.env, PULSE_SERVER: pulseServer } : process.env,
    // Without a window it would be mute, but for taps.
    ignoreDefaultArgs: pulseServer ? ['--mute-audio'] : [],
    args: [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      microphone === 'refused' ? '--use-fake-ui-for-media-stream=deny' : '--use-fake-ui-for-media-stream',
      ...(pulseServer ? [] : ['--use-fake-device-for-media-stream']),
      ...(wav ? [`--use-file-for-fake-audio-capture=${wav}`] : []),
      ...args,
    ],
  });

// Firefox with the microphone and loudspeaker of a sound server.
export const launchFirefox = ({ pulseServer }) =>
  firefox.launch({
    channel: 'moz-firefox',
    executablePath: program('FIREFOX'),
    headless: true,
    env: { ...process.env, PULSE_SERVER: pulseServer },
    firefoxUserPrefs: {
      'media.navigator.permission.disabled': true,
      'media.navigator.streams.fake': false,
      'media.getusermedia.insecure.enabled': true,
      'media.autoplay.default': 0,
    },
  });
