// Sounds made, written, and judged. Levels are RMS of full scale.

import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

// A sine, as many whole periods as fit, so that it can be played round and round without a click.
export const tone = ({ hz, seconds, amplitude, rate = 48_000 }) => {
  const periods = Math.floor(seconds * hz);
  const length = Math.round((periods * rate) / hz);
  return Float32Array.from({ length }, (_, index) => amplitude * Math.sin((2 * Math.PI * periods * index) / length));
};

// Writes 16-bit WAV: mono, or of more channels, frame by frame.
export const writeWav = async (path, samples, rate, { channels = 1 } = {}) => {
  const data = Buffer.alloc(44 + samples.length * 2);
  data.write('RIFF', 0);
  data.writeUInt32LE(36 + samples.length * 2, 4);
  data.write('WAVEfmt ', 8);
  data.writeUInt32LE(16, 16);
  data.writeUInt16LE(1, 20);
  data.writeUInt16LE(channels, 22);
  data.writeUInt32LE(rate, 24);
  data.writeUInt32LE(rate * channels * 2, 28);
  data.writeUInt16LE(channels * 2, 32);
  data.writeUInt16LE(16, 34);
  data.write('data', 36);
  data.writeUInt32LE(samples.length * 2, 40);
  samples.forEach((sample, index) => {
    data.writeInt16LE(Math.round(Math.max(-1, Math.min(1, sample)) * 32_767), 44 + index * 2);
  });
  await writeFile(path, data);
};

// Speaks a sentence into a 48 kHz mono WAV file at half of full scale, with silence around it.
export const speak = async (path, sentence, { pad = 0.3 } = {}) => {
  const raw = `${path}.raw.wav`;
  await run('espeak-ng', ['-v', 'en-us', '-s', '150', '-w', raw, sentence]);
  await run('sox', [raw, '-r', '48000', '-c', '1', '-b', '16', path, 'gain', '-n', '-6', 'pad', `${pad}`, `${pad}`]);
};

export const rms = (samples) => Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);

export const decibel = (ratio) => 20 * Math.log10(ratio);

// The frequency in Hz with the most power: a Hann window, a radix-2 FFT over the newest 2^16 samples, and a
// parabola through the logarithms around the highest bin.
export const peakHz = (samples, rate) => {
  const size = 2 ** 16;
  if (samples.length < size) throw new Error(`${samples.length} samples are too few for a spectrum`);
  const real = new Float64Array(size);
  const imaginary = new Float64Array(size);
  const offset = samples.length - size;
  for (let index = 0; index < size; index += 1) {
    real[index] = samples[offset + index] * (0.5 - 0.5 * Math.cos((2 * Math.PI * index) / size));
  }
  transform(real, imaginary);
  const power = (bin) => Math.log(real[bin] ** 2 + imaginary[bin] ** 2 + 1e-30);
  let best = 2;
  for (let bin = 2; bin < size / 2 - 1; bin += 1) if (power(bin) > power(best)) best = bin;
  const [before, at, after] = [power(best - 1), power(best), power(best + 1)];
  const shift = (0.5 * (before - after)) / (before - 2 * at + after);
  return ((best + shift) * rate) / size;
};

// In place, decimation in time (Cooley and Tukey 1965).
const transform = (real, imaginary) => {
  const size = real.length;
  for (let index = 1, reversed = 0; index < size; index += 1) {
    let bit = size >> 1;
    for (; reversed & bit; bit >>= 1) reversed ^= bit;
    reversed ^= bit;
    if (index < reversed) {
      [real[index], real[reversed]] = [real[reversed], real[index]];
      [imaginary[index], imaginary[reversed]] = [imaginary[reversed], imaginary[index]];
    }
  }
  for (let length = 2; length <= size; length *= 2) {
    for (let half = 0; half < length / 2; half += 1) {
      const angle = (-2 * Math.PI * half) / length;
      const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
      for (let low = half; low < size; low += length) {
        const high = low + length / 2;
        const re = real[high] * cos - imaginary[high] * sin;
        const im = real[high] * sin + imaginary[high] * cos;
        real[high] = real[low] - re;
        imaginary[high] = imaginary[low] - im;
        real[low] += re;
        imaginary[low] += im;
      }
    }
  }
};

// Silence in a recording of something that should not be silent: windows of 5 ms below `floor`.
export const silences = ({ samples, rate }, floor) => {
  const window = Math.round(rate / 200);
  const runs = [];
  let silent = 0;
  let run = 0;
  const windows = Math.floor(samples.length / window);
  for (let index = 0; index < windows; index += 1) {
    const quiet = rms(samples.subarray(index * window, (index + 1) * window)) < floor;
    silent += quiet ? 1 : 0;
    if (quiet) {
      run += 1;
    } else if (run > 0) {
      runs.push(run * 5);
      run = 0;
    }
  }
  if (run > 0) runs.push(run * 5);
  return { silentShare: silent / windows, runsMs: runs, longRuns: runs.filter((ms) => ms > 40).length };
};

// PESQ (wideband) and STOI of a recording against what was spoken, by tests/judge.py. The recording may begin
// anywhere; it is aligned by correlation.
export const judge = async (spokenPath, heardPath) => {
  const python = process.env.DAIS_PYTHON;
  if (!python) throw new Error('DAIS_PYTHON names no interpreter; run these tests with `cargo xtask test`');
  const script = new URL('../../tests/judge.py', import.meta.url).pathname;
  const { stdout } = await run(python, [script, spokenPath, heardPath]);
  return JSON.parse(stdout);
};
