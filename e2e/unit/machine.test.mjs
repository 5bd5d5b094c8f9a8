// Which measurements count on a machine whose host takes it away at times.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Void, judgeUndisturbed } from '../harness/machine.mjs';

// A test's context that keeps what it is told.
const listening = () => {
  const told = { diagnostics: [], skipped: [] };
  return { told, diagnostic: (text) => told.diagnostics.push(text), skip: (text) => told.skipped.push(text) };
};

// What a host takes during each measurement, in milliseconds; the last goes on for ever.
const taking = (...shares) => {
  let total = 0;
  let reads = 0;
  return async () => {
    if (reads++ % 2 === 1) total += shares.length > 1 ? shares.shift() : shares[0];
    return total;
  };
};

// Measures one figure after the other, and is content with those of at least ten. What is no figure cannot be measured.
const judging = (figures, options) => {
  const context = listening();
  const run = judgeUndisturbed(
    context,
    async () => {
      const figure = figures.shift();
      if (figure instanceof Error) throw figure;
      return figure;
    },
    (figure) => assert.ok(figure >= 10, `${figure} heard`),
    options,
  );
  return run.then(
    () => context.told,
    (error) => ({ ...context.told, error }),
  );
};

test('what falls short on an undisturbed machine fails at once', async () => {
  const { error, skipped } = await judging([3, 12], { stolenMs: taking(0) });
  assert.match(error.message, /3 heard/);
  assert.deepEqual(skipped, []);
});

test('what suffices counts, whatever the host took', async () => {
  const { error, diagnostics } = await judging([12], { stolenMs: taking(900) });
  assert.equal(error, undefined);
  assert.deepEqual(diagnostics, []);
});

test('what falls short while the host took the machine away is void, and measured again', async () => {
  // Of the reads of the host's share, the pair after a void measurement waits for a machine that is back.
  const { error, diagnostics, skipped } = await judging([3, 12], { stolenMs: taking(900, 0) });
  assert.equal(error, undefined);
  assert.deepEqual(skipped, []);
  assert.match(diagnostics[0], /void: the host took 900 ms meanwhile; 3 heard/);
});

test('so is a measurement that fails while the host took the machine away', async () => {
  const { error, diagnostics } = await judging([new Error('nothing came in time'), 12], { stolenMs: taking(900, 0) });
  assert.equal(error, undefined);
  assert.match(diagnostics[0], /void: the host took 900 ms meanwhile; nothing came in time/);
});

test('a measurement that fails on an undisturbed machine fails the test', async () => {
  const { error } = await judging([new Error('nothing came in time'), 12], { stolenMs: taking(0) });
  assert.match(error.message, /nothing came in time/);
});

test('a measurement taken again that falls short fails', async () => {
  const { error } = await judging([3, 4], { stolenMs: taking(900, 0) });
  assert.match(error.message, /4 heard/);
});

test('what the judge calls void is measured again', async () => {
  const context = listening();
  const figures = [0, 12];
  const judge = (figure) => {
    if (figure === 0) throw new Void('nothing was measured');
    assert.ok(figure >= 10);
  };
  await judgeUndisturbed(context, async () => figures.shift(), judge, { stolenMs: taking(0) });
  assert.match(context.told.diagnostics[0], /void: .*nothing was measured/);
});

test('without an undisturbed measurement in time, the test is skipped', async () => {
  const { error, skipped } = await judging([3], { stolenMs: taking(900), budgetMs: 0 });
  assert.equal(error, undefined);
  assert.match(skipped[0], /not steady, during each of 1 measurements/);
});
