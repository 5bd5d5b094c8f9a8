// The microphone test's processor, driven without a browser.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import vm from 'node:vm';

const RATE = 48_000;
const QUANTUM = 128;

const load = () => {
  let Trial;
  class AudioWorkletProcessor {
    constructor() {
      this.port = { sent: [], postMessage: (message) => this.port.sent.push(message) };
    }
  }
  const scope = vm.createContext({
    AudioWorkletProcessor,
    registerProcessor: (_, processor) => (Trial = processor),
    Float32Array,
    sampleRate: RATE,
  });
  vm.runInContext(readFileSync(new URL('../../client/worklet/trial.js', import.meta.url), 'utf8'), scope);
  const processor = new Trial();
  const said = (type) => processor.port.sent.filter((message) => message.type === type);
  // Gives one quantum of a ramp, in two channels of which the second is silent; returns what is to be heard.
  let position = 0;
  const step = () => {
    const samples = Float32Array.from({ length: QUANTUM }, (_, index) => (position + index) / 2 ** 20);
    position += QUANTUM;
    const output = new Float32Array(QUANTUM);
    const goesOn = processor.process([[samples, new Float32Array(QUANTUM)]], [[output]]);
    return { output, goesOn };
  };
  return { processor, said, step };
};

test('what was recorded is played once, to the sample', () => {
  const { processor, said, step } = load();
  for (let quantum = 0; quantum < 100; quantum += 1) assert.ok(step().output.every((sample) => sample === 0));
  processor.port.onmessage({ data: { type: 'play' } });
  const played = [];
  for (let quantum = 0; quantum < 100; quantum += 1) played.push(...step().output);
  played.forEach((sample, index) => assert.equal(sample, Math.fround(Math.fround(index / 2 ** 20) / 2)));
  assert.equal(said('played').length, 1);
  assert.equal(step().goesOn, false);
});

test('five seconds are full, and are told once', () => {
  const { processor, said, step } = load();
  for (let quantum = 0; quantum < (6 * RATE) / QUANTUM; quantum += 1) step();
  assert.equal(said('full').length, 1);
  assert.equal(processor.filled, 5 * RATE);
  assert.ok(said('level').length >= 5 * 18, '20 levels a second, in whole quanta');
});

test('silence is 127 and a microphone that gives nothing takes no time', () => {
  const { processor, said } = load();
  for (let quantum = 0; quantum < 40; quantum += 1) processor.process([[]], [[new Float32Array(QUANTUM)]]);
  assert.equal(processor.filled, 0);
  for (let quantum = 0; quantum < 40; quantum += 1) {
    processor.process([[new Float32Array(QUANTUM)]], [[new Float32Array(QUANTUM)]]);
  }
  assert.deepEqual(said('level').map(({ dbov }) => dbov), [127, 127]);
});
