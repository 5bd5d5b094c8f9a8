// The machine under the tests. A virtual one stands still whenever its host gives the processors to somebody else, and no
// sound in real time survives that.

import { readFile } from 'node:fs/promises';

// proc(5), /proc/stat: the eighth figure of a processor is `steal`, in units of 1/100 s.
const STEAL = 8;
const TICK_MS = 10;

// More than a quiet host takes in a quarter of a minute.
const STOLEN_MS_MAX = 50;
const ATTEMPTS_MAX = 5;

// How long the processors, all together, were wanted here and given to somebody else since the machine started, in
// milliseconds.
export const stolenMs = async () => {
  const [all] = (await readFile('/proc/stat', 'utf8')).split('\n', 1);
  return Number(all.split(/\s+/)[STEAL] ?? 0) * TICK_MS;
};

// Measures something in real time and judges it. What falls short counts unless the machine was taken away meanwhile: then
// the measurement is void, and taken again, a few times.
export const judgeUndisturbed = async (context, measure, judge) => {
  for (let attempt = 1; ; attempt += 1) {
    const before = await stolenMs();
    const measured = await measure();
    const stolen = (await stolenMs()) - before;
    try {
      judge(measured);
      return;
    } catch (error) {
      const counts = stolen <= STOLEN_MS_MAX || attempt === ATTEMPTS_MAX;
      context.diagnostic(`${counts ? 'counts' : 'void'}: the host took ${stolen} ms meanwhile; ${error.message}`);
      if (counts) throw error;
    }
  }
};
