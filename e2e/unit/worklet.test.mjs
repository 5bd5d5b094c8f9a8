// The audio thread's two processors, driven without a browser: a stand-in for the worklet's global
// scope asks for quanta, packets come from a recording (see audio/tests/playback/recording.rs).

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import vm from 'node:vm';

const root = new URL('../../', import.meta.url);
const read = (path) => readFileSync(new URL(path, root));

// A module as it is shipped.
const moduleFile = (name, elsewhere) => {
  const candidates = [elsewhere, new URL(`dist/${name}`, root)].filter(Boolean);
  const found = candidates.find((candidate) => existsSync(candidate));
  assert.ok(found, `no ${name}; looked for ${candidates.join(', ')}`);
  return readFileSync(found);
};

const wasmFile = () => moduleFile('worklet.wasm', process.env.DAIS_WORKLET_WASM);
const suppressorFile = () => moduleFile('suppressor.wasm', process.env.DAIS_SUPPRESSOR_WASM);

// The recorded packets, oldest first.
const recording = () => {
  const bytes = read('e2e/unit/tone.packets');
  const packets = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt16LE(at);
    packets.push(bytes.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return packets;
};

class Port {
  constructor() {
    this.sent = [];
    this.closed = false;
  }
  postMessage(message, transfer) {
    this.sent.push({ message, transfer });
  }
  close() {
    this.closed = true;
  }
  deliver(data) {
    this.onmessage({ data });
  }
  statistics() {
    return this.sent.map(({ message }) => message).filter((message) => message.type === 'statistics');
  }
}

// Loads one of the two files as the browser would, and makes its processor.
const load = (file, name, sampleRate, processorOptions, added = []) => {
  const registered = new Map();
  class AudioWorkletProcessor {
    constructor() {
      this.port = new Port();
    }
  }
  const scope = vm.createContext({
    AudioWorkletProcessor,
    registerProcessor: (key, processor) => registered.set(key, processor),
    WebAssembly,
    ArrayBuffer,
    Float32Array,
    Float64Array,
    Uint8Array,
    sampleRate,
    currentFrame: 0,
    currentTime: 0,
  });
  for (const each of [...added, file]) vm.runInContext(read(`client/worklet/${each}`).toString(), scope, { filename: each });
  const Processor = registered.get(name);
  assert.ok(Processor, `${file} registers ${name}`);
  const processor = new Processor({ processorOptions });
  const worker = new Port();
  processor.port.deliver({ type: 'port', port: worker });
  const advance = (frames) => {
    scope.currentFrame += frames;
    scope.currentTime = scope.currentFrame / sampleRate;
  };
  return { scope, processor, worker, advance };
};

// The worker's end of a ring, as its ring.rs says.
class RingWriter {
  constructor(capacity) {
    this.buffer = new SharedArrayBuffer(8 + capacity);
    this.capacity = capacity;
    this.positions = new Int32Array(this.buffer, 0, 2);
    this.written = 0;
    this.skips = 0;
  }
  push(packet, wallMs) {
    const bytes = (16 + packet.length + 7) & ~7;
    let at = this.written & (this.capacity - 1);
    const view = new DataView(this.buffer, 8);
    if (this.capacity - at < bytes) {
      view.setUint32(at, 0xffffffff, true);
      this.written = (this.written + this.capacity - at) | 0;
      this.skips += 1;
      at = 0;
    }
    view.setUint32(at, packet.length, true);
    view.setFloat64(at + 8, wallMs, true);
    new Uint8Array(this.buffer, 8 + at + 16).set(packet);
    this.written = (this.written + bytes) | 0;
    Atomics.store(this.positions, 0, this.written);
  }
  isEmpty() {
    return this.positions[0] === this.positions[1];
  }
}

// A listener whose speaker repeats the recorded second for as long as he is asked to play.
class Listener {
  constructor({ sampleRate = 44_100, quantum = 128, channels = 2, allowTrap = true, asBytes = false } = {}) {
    const bytes = wasmFile();
    const source = asBytes
      ? { bytes: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) }
      : { module: new WebAssembly.Module(bytes) };
    Object.assign(this, load('playout.js', 'dais-playout', sampleRate, { ...source, allowTrap }));
    Object.assign(this, { sampleRate, quantum, channels });
    this.packets = recording();
    this.sequence = 0;
  }

  // The n-th packet of an endless tone; the recorded one repeats after a second, 440 periods.
  packet(stream, sequence) {
    const template = this.packets[sequence < 50 ? sequence : 50 + ((sequence - 50) % 50)];
    const bytes = Uint8Array.from(template);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, stream, true);
    view.setUint32(4, sequence, true);
    view.setBigUint64(8, BigInt(sequence) * 960n, true);
    view.setBigUint64(16, BigInt(sequence) * 20n, true);
    return bytes.buffer;
  }

  // Plays for so many seconds; every sample of the first channel.
  play(seconds, { streams = [7], everyQuantum = () => {}, deliver = (packet) => this.worker.deliver(packet) } = {}) {
    const heard = [];
    const end = this.scope.currentTime + seconds;
    while (this.scope.currentTime < end) {
      while ((this.sequence + 1) * 0.02 <= this.scope.currentTime) {
        for (const stream of streams) deliver(this.packet(stream, this.sequence));
        this.sequence += 1;
      }
      everyQuantum();
      const output = Array.from({ length: this.channels }, () => new Float32Array(this.quantum));
      assert.equal(this.processor.process([[]], [output]), true);
      for (const channel of output) assert.deepEqual(channel, output[0]);
      heard.push(...output[0]);
      this.advance(this.quantum);
    }
    return heard;
  }

  latest() {
    return this.worker.statistics().at(-1);
  }
}

const rms = (samples) => Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
const TONE_RMS = 0.3 / Math.SQRT2;
const soundsLikeTheTone = (samples) => Math.abs(rms(samples) / TONE_RMS - 1) < 0.1;

test('the module imports nothing and starts with all its memory', () => {
  const module = new WebAssembly.Module(wasmFile());
  assert.deepEqual(WebAssembly.Module.imports(module), []);
});

test('a tone is played on every channel, at any rate and quantum, from a module or its bytes', () => {
  for (const options of [{}, { sampleRate: 48_000, quantum: 256, channels: 1 }, { quantum: 100, asBytes: true }]) {
    const listener = new Listener(options);
    const heard = listener.play(2);
    assert.ok(soundsLikeTheTone(heard.slice(listener.sampleRate / 2)), `rms ${rms(heard)}`);
    const statistics = listener.latest();
    assert.equal(statistics.samples_concealed_total, 0);
    assert.equal(statistics.late_quanta_total, 0);
    assert.equal(statistics.streams.length, 1);
    assert.equal(statistics.streams[0].stream, 7);
    assert.ok(statistics.streams[0].playing);
    assert.ok(statistics.streams[0].buffered_samples > 0);
    assert.equal(statistics.device_rate_hz, listener.sampleRate);
    const count = listener.worker.statistics().length;
    assert.ok(count >= 3 && count <= 5, `${count} reports in 2 s`);
  }
});

test('what comes through the ring is played, round its end and round the numbers\' end', () => {
  for (const start of [0, -4096]) {
    const listener = new Listener();
    const ring = new RingWriter(2048);
    ring.written = start;
    ring.positions.fill(start);
    listener.worker.deliver({ type: 'ring', buffer: ring.buffer });
    assert.deepEqual({ ...listener.worker.sent.at(-1).message }, { type: 'ring' }, 'says that it reads it');
    const heard = listener.play(2, { deliver: (packet) => ring.push(new Uint8Array(packet), Date.now()) });
    assert.ok(ring.skips > 2, `${ring.skips} times round`);
    assert.ok(ring.isEmpty());
    // The report is half a second old at most.
    assert.ok(listener.latest().packets_queued_total > listener.sequence - 28);
    assert.equal(listener.latest().packets_late_total + listener.latest().packets_duplicate_total, 0);
    assert.equal(listener.latest().samples_concealed_total, 0);
    assert.ok(soundsLikeTheTone(heard.slice(listener.sampleRate / 2)), `rms ${rms(heard)}`);
  }
});

test('what the ring holds is older than any message: a stream that is closed stays closed', () => {
  const listener = new Listener();
  const ring = new RingWriter(2048);
  listener.worker.deliver({ type: 'ring', buffer: ring.buffer });
  listener.play(1, { deliver: (packet) => ring.push(new Uint8Array(packet), Date.now()) });
  ring.push(new Uint8Array(listener.packet(7, listener.sequence)), Date.now());
  listener.worker.deliver({ type: 'close', stream: 7 });
  listener.play(0.5, { streams: [] });
  assert.equal(listener.latest().streams_open, 0);
});

test('memory does not grow after the start, and nothing but statistics is sent', () => {
  const listener = new Listener();
  const { memory } = listener.processor.pipeline.exports;
  const bytes = memory.buffer.byteLength;
  listener.play(3, { streams: Array.from({ length: 20 }, (_, index) => index) });
  assert.equal(memory.buffer.byteLength, bytes);
  assert.equal(listener.latest().memory_growths_total, 0);
  assert.equal(listener.latest().streams_open, 16);
  assert.ok(listener.latest().packets_unplaced_total > 0);
  assert.ok(listener.worker.sent.every(({ message }) => message.type === 'statistics'));
  assert.deepEqual(listener.processor.port.sent, []);
});

test('after a trap sound is back within 100 ms and the volume is kept', () => {
  const listener = new Listener();
  listener.worker.deliver({ type: 'gain', stream: 7, gain: 0.5 });
  listener.play(1);
  const decoded = listener.latest().samples_decoded_total;
  listener.processor.port.deliver({ type: 'trap', stream: 7 });
  listener.play(0.1);
  const heard = listener.play(0.5);
  assert.ok(Math.abs(rms(heard) / TONE_RMS - 0.5) < 0.05, `rms ${rms(heard)}`);
  assert.equal(listener.latest().traps_total, 1);
  assert.ok(listener.latest().samples_decoded_total > decoded, 'counts go on');
  assert.deepEqual(Array.from(listener.latest().streams_quarantined), []);
});

test('a stream that trapped twice is not played again; others are', () => {
  const listener = new Listener();
  listener.play(0.5, { streams: [7, 8] });
  listener.worker.deliver({ type: 'trap', stream: 7 });
  listener.play(1.5, { streams: [7, 8] });
  assert.equal(listener.latest().streams_open, 2);
  listener.worker.deliver({ type: 'trap', stream: 7 });
  const heard = listener.play(1.5, { streams: [7, 8] });
  assert.ok(soundsLikeTheTone(heard.slice(-20_000)), `one voice is left: rms ${rms(heard.slice(-20_000))}`);
  assert.deepEqual(Array.from(listener.latest().streams_quarantined), [7]);
  assert.deepEqual(Array.from(listener.latest().streams, ({ stream }) => stream), [8]);
});

test('a trap in every quantum silences nothing for good', () => {
  const listener = new Listener();
  const always = () => listener.worker.deliver({ type: 'trap', stream: 99 });
  listener.play(0.5, { everyQuantum: always });
  const traps = listener.processor.counts.traps_total;
  assert.ok(traps < 20, `${traps} instances in half a second`);
  const heard = listener.play(1);
  assert.ok(soundsLikeTheTone(heard.slice(-22_050)), `rms ${rms(heard)}`);
});

test('traps are for tests only', () => {
  const listener = new Listener({ allowTrap: false });
  listener.processor.port.deliver({ type: 'trap', stream: 7 });
  listener.worker.deliver({ type: 'trap', stream: 7 });
  listener.play(0.5);
  assert.equal(listener.latest().traps_total, 0);
});

test('nonsense on the port is survived', () => {
  const listener = new Listener();
  for (const bytes of [new ArrayBuffer(0), new ArrayBuffer(3), new ArrayBuffer(31), new ArrayBuffer(5_000)]) {
    listener.worker.deliver(bytes);
  }
  for (const message of [null, undefined, 7, 'port', {}, { type: 'unheard of' }, { type: 'gain' }]) {
    listener.worker.deliver(message);
  }
  const heard = listener.play(1);
  assert.ok(soundsLikeTheTone(heard.slice(22_050)));
  assert.equal(listener.latest().traps_total, 0);
});

test('a closed stream falls silent, a device that skipped time is counted, stop ends it', () => {
  const listener = new Listener();
  listener.play(1);
  listener.worker.deliver({ type: 'close', stream: 7 });
  listener.play(0.1, { streams: [] });
  assert.equal(rms(listener.play(0.2, { streams: [] })), 0);
  listener.advance(1_000);
  listener.play(0.5, { streams: [] });
  assert.equal(listener.latest().late_quanta_total, 1);
  assert.equal(listener.latest().late_samples_total, 1_000);
  listener.processor.port.deliver({ type: 'stop' });
  assert.equal(listener.processor.process([[]], [[new Float32Array(128)]]), false);
  assert.ok(listener.worker.closed);
});

const capture = (sampleRate, frameMs) => {
  const loaded = load('capture.js', 'dais-capture', sampleRate, { frameMs });
  let position = 0;
  return {
    ...loaded,
    frames: () => loaded.worker.sent.filter(({ message }) => message instanceof ArrayBuffer),
    // A ramp, so that every sample says where it belongs; the second channel is its negative half.
    speak: (quanta, channels = 1) => {
      for (let quantum = 0; quantum < quanta; quantum += 1) {
        const samples = Float32Array.from({ length: 128 }, (_, index) => (position + index) / 65_536);
        position += 128;
        const input = channels === 1 ? [samples] : [samples, samples.map((sample) => -sample / 2)];
        assert.equal(loaded.processor.process([input], [[new Float32Array(128)]]), true);
      }
    },
  };
};

test('captured frames are exact, whole and transferred', () => {
  for (const [sampleRate, frameMs] of [[44_100, 20], [48_000, 10], [22_050, 10]]) {
    const { speak, frames, worker } = capture(sampleRate, frameMs);
    const quanta = Math.ceil((sampleRate * 0.3) / 128);
    speak(quanta);
    const joined = frames().flatMap(({ message }) => [...new Float32Array(message)]);
    const exact = (frames().length * frameMs * sampleRate) / 1000;
    assert.ok(Math.abs(joined.length - exact) <= 0.5, `${joined.length} samples of ${exact}`);
    joined.forEach((sample, index) => assert.equal(sample, Math.fround(index / 65_536)));
    assert.ok(worker.sent.every(({ message, transfer }) => transfer[0] === message));
  }
});

// Four seconds of white noise through the capture worklet: the last second of what it sent, and what it told.
const captureNoise = (suppressor) => {
  const loaded = load('capture.js', 'dais-capture', 48_000, { frameMs: 10, suppressor }, ['suppressor.js']);
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0; // Numerical Recipes' generator.
    return state / 2 ** 32;
  };
  const frames = [];
  for (let quantum = 0; quantum < 1_500; quantum += 1) {
    const noise = Float32Array.from({ length: 128 }, () => random() * 0.1 - 0.05);
    assert.equal(loaded.processor.process([[noise]], [[new Float32Array(128)]]), true);
    // Buffers come back, as from a worker that keeps up.
    for (const { message } of loaded.worker.sent.splice(0)) {
      frames.push(new Float32Array(message.slice(0)));
      loaded.worker.deliver(message);
    }
    loaded.advance(128);
  }
  const last = frames.slice(-100).flatMap((frame) => [...frame]);
  return { last, told: loaded.processor.port.sent.map(({ message }) => message.type) };
};

test('captured frames are cleaned where a suppressor is given, and left alone where it does not work', () => {
  const before = rms(captureNoise(undefined).last);
  const cleaned = captureNoise(suppressorFile());
  assert.equal(cleaned.last.length, 48_000);
  // How much RNNoise takes of noise without any voice differs from noise to noise; this is always the same.
  assert.ok(rms(cleaned.last) < before * 0.6, `${rms(cleaned.last)} of ${before}`);
  assert.deepEqual(cleaned.told, []);
  const spoilt = captureNoise(Uint8Array.of(0, 97, 115, 109, 9, 9, 9, 9).buffer);
  assert.ok(rms(spoilt.last) > before * 0.8, `${rms(spoilt.last)} of ${before}`);
  assert.deepEqual(spoilt.told, ['unsuppressed'], 'and the person learns of it');
});

test('channels are mixed to one, and a source that falls silent leaves time going on', () => {
  const { speak, frames, processor } = capture(48_000, 10);
  speak(30, 2);
  const samples = new Float32Array(frames()[3].message);
  assert.ok(Math.abs(samples[100] - (480 * 3 + 100) / 65_536 / 4) < 1e-6);
  const before = frames().length;
  for (let quantum = 0; quantum < 30; quantum += 1) processor.process([[]], [[new Float32Array(128)]]);
  assert.equal(frames().length, before + 8);
  assert.ok(new Float32Array(frames().at(-1).message).every((sample) => sample === 0));
});

test('a stuck worker costs frames, not memory, and learns how much time went by', () => {
  const { speak, frames, worker, processor } = capture(48_000, 20);
  speak(750);
  assert.equal(frames().length, 32, 'all buffers are away');
  const buffers = frames().map(({ message }) => message);
  for (const buffer of buffers) worker.deliver(buffer);
  worker.sent.length = 0;
  speak(75);
  const [first, second] = worker.sent.map(({ message }) => message);
  assert.equal(first.type, 'dropped');
  assert.equal(first.samples, first.frames_total * 960);
  assert.ok(first.frames_total >= 67 && first.frames_total <= 69, `${first.frames_total} of 100 frames`);
  assert.ok(buffers.includes(second), 'buffers are used again');
  worker.deliver({ type: 'stop' });
  assert.equal(processor.process([[]], [[new Float32Array(128)]]), false);
});

test('whenever the microphone is opened, each step of its context completes one frame', () => {
  for (const begins of [0, 128, 1_024, 12_345 * 128]) {
    const { scope, processor, worker } = load('capture.js', 'dais-capture', 48_000, { frameMs: 10 });
    scope.currentFrame = begins;
    const frames = () => worker.sent.filter(({ message }) => message instanceof ArrayBuffer).length;
    // A device that takes 480 samples at once gets as many whole quanta as it needs.
    const perStep = [];
    for (let taken = Math.floor(begins / 480) + 1; perStep.length < 20; taken += 1) {
      const before = frames();
      while (scope.currentFrame < taken * 480) {
        processor.process([[new Float32Array(128)]], [[]]);
        scope.currentFrame += 128;
      }
      perStep.push(frames() - before);
    }
    assert.ok(perStep[0] <= 1);
    assert.deepEqual(new Set(perStep.slice(2)), new Set([1]), `begun at ${begins}: ${perStep}`);
  }
});
