// The machine under the tests. A virtual one stands still whenever its host gives the processors to somebody else, and no
// sound in real time survives that.

import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

// proc(5), /proc/stat: the eighth figure of a processor is `steal`, in units of 1/100 s.
const STEAL = 8;
const TICK_MS = 10;

// More than a quiet host takes in a quarter of a minute.
export const STOLEN_MS_MAX = 50;
const WATCHED_MS = 2_000;
// A test may take a minute, has people to seat before it measures, and machines differ.
const BUDGET_MS = 36_000;

// How long the processors, all together, were wanted here and given to somebody else since the machine started, in
// milliseconds.
export const stolenSinceStartMs = async () => {
  const [all] = (await readFile('/proc/stat', 'utf8')).split('\n', 1);
  return Number(all.split(/\s+/)[STEAL] ?? 0) * TICK_MS;
};

// Waits for a machine that is there, but no longer than this.
const machineIsBack = async (waitMsMax, stolenMs) => {
  for (let waited = WATCHED_MS; waited <= waitMsMax; waited += WATCHED_MS) {
    const before = await stolenMs();
    await sleep(WATCHED_MS);
    if ((await stolenMs()) - before <= TICK_MS) return;
  }
};

// What a judge throws where the measurement itself shows that nothing can be told from it.
export class Void extends Error {}

// Measures something in real time and judges it. What fails or falls short counts unless the machine was taken away meanwhile,
// or the judge says so: then the measurement is void, and taken again as long as there is time. Where every one is void, the
// test is skipped, and says so.
export const judgeUndisturbed = async (context, measure, judge, { budgetMs = BUDGET_MS, stolenMs = stolenSinceStartMs } = {}) => {
  const began = performance.now();
  let longestMs = 0;
  let measurements = 0;
  const leftMs = () => budgetMs - (performance.now() - began) - longestMs;
  while (measurements === 0 || leftMs() > 0) {
    const start = performance.now();
    const before = await stolenMs();
    const measured = await measure().then(
      (value) => () => judge(value),
      (error) => () => {
        throw error;
      },
    );
    const stolen = (await stolenMs()) - before;
    measurements += 1;
    longestMs = Math.max(longestMs, performance.now() - start);
    try {
      measured();
      return;
    } catch (error) {
      const counts = stolen <= STOLEN_MS_MAX && !(error instanceof Void);
      context.diagnostic(`${counts ? 'counts' : 'void'}: the host took ${stolen} ms meanwhile; ${error.message}`);
      if (counts) throw error;
      await machineIsBack(leftMs(), stolenMs);
    }
  }
  context.skip(`the machine was not there, or not steady, during each of ${measurements} measurements`);
};
