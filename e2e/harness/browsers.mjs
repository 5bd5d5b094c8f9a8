// Real browsers with a microphone of our choice. Chromium plays a file into its fake microphone;
// Firefox listens to a private sound server, see sound_server.mjs.

import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { chromium, firefox } from 'playwright-core';

const START_MS_MAX = 20_000;

const program = (variable) => {
  const path = process.env[variable];
  if (!path) throw new Error(`${variable} names no browser; run these tests with \`cargo xtask test\``);
  return path;
};

const chromiumArgs = ({ wav, microphone, pulseServer }) => [
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
];

// Chromium whose microphone plays `wav` round and round, or is refused to every page; or with the microphone and the
// loudspeaker of a sound server. `inside` is a program that starts it somewhere else.
export const launchChromium = ({ wav, microphone = 'granted', pulseServer, inside, args = [] } = {}) =>
  chromium.launch({
    executablePath: inside ?? program('CHROMIUM'),
    headless: true,
    env: pulseServer ? { ...process.env, PULSE_SERVER: pulseServer } : process.env,
    // Without a window it would be mute, but for taps.
    ignoreDefaultArgs: pulseServer ? ['--mute-audio'] : [],
    args: [...chromiumArgs({ wav, microphone, pulseServer }), ...args],
  });

// Chromium for one person, started by itself, in its own profile, as people's are: a tab is hidden when another one comes
// to the front, where elsewhere Playwright has every page believe that it is seen; and `leave` leaves it alone, where
// elsewhere the browser reports each message of a socket for as long as it runs.
export const launchOwnChromium = async ({ wav, pulseServer, args = [] }) => {
  const profile = await mkdtemp(join(tmpdir(), 'dais-profile-'));
  const own = [`--user-data-dir=${profile}`, '--remote-debugging-port=0', ...(pulseServer ? [] : ['--mute-audio']), ...args];
  const env = pulseServer ? { ...process.env, PULSE_SERVER: pulseServer } : process.env;
  const started = [...chromiumArgs({ wav, pulseServer }), ...own, 'about:blank'];
  const browser = spawn(program('CHROMIUM'), started, { stdio: 'ignore', env });
  const ended = new Promise((resolve) => browser.once('exit', resolve));
  const close = async () => {
    browser.kill();
    await ended;
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const port = await debuggingPort(profile);
    const connected = await chromium.connectOverCDP(`http://127.0.0.1:${port}`, { noDefaults: true });
    const newContext = async ({ bypassCSP = false } = {}) => {
      const [context] = connected.contexts();
      const session = await context.newCDPSession(context.pages()[0]);
      await session.send('Page.setBypassCSP', { enabled: bypassCSP });
      return context;
    };
    const leave = () => connected.close();
    return { newContext, pid: browser.pid, leave, close: () => leave().finally(close) };
  } catch (error) {
    await close();
    throw error;
  }
};

// Chromium writes it down when it listens.
const debuggingPort = async (profile) => {
  const deadline = Date.now() + START_MS_MAX;
  for (;;) {
    const [port] = (await readFile(join(profile, 'DevToolsActivePort'), 'utf8').catch(() => '')).split('\n');
    if (port) return port;
    if (Date.now() > deadline) throw new Error('Chromium did not start');
    await sleep(100);
  }
};

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
