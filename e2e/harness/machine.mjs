// The machine under the tests. A virtual one stands still whenever its host gives the processors to somebody else, and no
// sound in real time survives that.

import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

// proc(5), /proc/stat: the eighth figure of a processor is `steal`, in units of 1/100 s.
const STEAL = 8;
const TICK_MS = 10;

// More than a quiet host takes in a quarter of a minute.
const STOLEN_MS_MAX = 50;
const ATTEMPTS_MAX = 5;
const WATCHED_MS = 2_000;
const WAIT_MS_MAX = 60_000;

// How long the processors, all together, were wanted here and given to somebody else since the machine started, in
// milliseconds.
export const stolenMs = async () => {
  const [all] = (await readFile('/proc/stat', 'utf8')).split('\n', 1);
  return Number(all.split(/\s+/)[STEAL] ?? 0) * TICK_MS;
};

// Waits for a machine that is there, but not for ever.
const machineIsBack = async () => {
  for (let waited = 0; waited < WAIT_MS_MAX; waited += WATCHED_MS) {
    const before = await stolenMs();
    await sleep(WATCHED_MS);
    if ((await stolenMs()) - before <= TICK_MS) return;
  }
};

// Measures something in real time and judges it. What falls short counts unless the machine was taken away meanwhile: then
// the measurement is void, and taken again. Where every one is void, the test is skipped, and says so.
export const judgeUndisturbed = async (context, measure, judge) => {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const before = await stolenMs();
    const measured = await measure();
    const stolen = (await stolenMs()) - before;
    try {
      judge(measured);
      return;
    } catch (error) {
      const counts = stolen <= STOLEN_MS_MAX;
      context.diagnostic(`${counts ? 'counts' : 'void'}: the host took ${stolen} ms meanwhile; ${error.message}`);
      if (counts) throw error;
      await machineIsBack();
    }
  }
  context.skip(`the host took the machine away during each of ${ATTEMPTS_MAX} measurements`);
};
