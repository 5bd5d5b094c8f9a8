// How long it takes from the click on *Join* until the room is heard, in a browser that has never been here.
//
//   cargo xtask bench join [--times N]

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';

import { launchChromium } from '../harness/browsers.mjs';
import { Person } from '../harness/person.mjs';
import { startServer } from '../harness/server.mjs';
import { tone, writeWav } from '../harness/sound.mjs';

// What somebody takes to read the page and type a name.
const READS_MS = 1500;
const GATE_MS = 400;

const { values: options } = parseArgs({ options: { times: { type: 'string', default: '20' } } });
const TIMES = Number(options.times);

// When a sample that is no silence first reached the loudspeaker, in milliseconds after the click.
const firstHeard = async (page) => {
  await page.waitForFunction(() => window.e2eTaps?.some((tap) => tap.chunks.some(({ samples }) => samples.some((each) => each !== 0))));
  return page.evaluate(() => {
    const tap = window.e2eTaps.find(({ chunks }) => chunks.some(({ samples }) => samples.some((each) => each !== 0)));
    const chunk = tap.chunks.find(({ samples }) => samples.some((each) => each !== 0));
    const played = (chunk.frame + chunk.samples.findIndex((each) => each !== 0)) / tap.rate;
    const { context } = tap.node;
    // The same moment on the clock of the click.
    return performance.now() - (context.currentTime - played) * 1000 - window.clickedAt;
  });
};

const joins = async (browser, link) => {
  const listener = await Person.arrive(browser, 'Leo');
  await listener.page.goto(link);
  await listener.page.getByLabel('Your name', { exact: true }).fill('Leo');
  await listener.page.evaluate(() => {
    addEventListener('click', () => (window.clickedAt ??= performance.now()), { capture: true });
  });
  await sleep(READS_MS);
  await listener.button('Join').click();
  const took = await firstHeard(listener.page);
  await listener.leaves();
  return took;
};

const folder = await mkdtemp(join(tmpdir(), 'dais-join-'));
const server = await startServer();
const browser = await launchChromium();
const wav = join(folder, 'tone.wav');
await writeWav(wav, tone({ hz: 440, seconds: 20 + TIMES * 6, amplitude: 0.25 }), 48_000);
const host = await Person.arrive(browser, 'Hanna', { tapped: false });
const link = await host.createsRoom(server.url, { title: 'Coming in', id: 'in', open: true });
const address = ['--server', `${server.url.replace('http', 'ws')}/ws`, '--room', 'in', '--name', 'Bot'];
const bot = execFile(process.env.DAIS_BOTS_BIN, ['say', wav, ...address]);
try {
  await host.tile('Bot').waitFor();
  const times = [];
  for (let time = 0; time < TIMES; time += 1) times.push(await joins(browser, link));
  times.sort((a, b) => a - b);
  const part = (share) => times[Math.min(TIMES - 1, Math.ceil(TIMES * share) - 1)];
  console.log(`heard after a click on Join, ${TIMES} times: median ${part(0.5).toFixed(0)} ms, p95 ${part(0.95).toFixed(0)} ms`);
  const holds = part(0.95) <= GATE_MS;
  console.log(holds ? `holds: at most ${GATE_MS} ms` : `FAILS: more than ${GATE_MS} ms`);
  process.exitCode = holds ? 0 : 1;
} finally {
  bot.kill();
  await browser.close();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}
