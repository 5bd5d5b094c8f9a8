// The loudspeaker's end of the audio thread: feeds received packets to the playback pipeline
// (worklet.wasm) and gives its mix to the device.
//
// It refuses to know sockets, members and rooms. It outlives the pipeline: a hostile packet may
// trap the codec, and an exception thrown by process() would silence this node for good. So every
// call into wasm is guarded; after a trap a new instance takes over, and a stream that trapped
// twice is not played again.
//
// processorOptions: {module: WebAssembly.Module} or, where a module cannot be cloned, {bytes:
// ArrayBuffer}; {allowTrap: true} lets tests force a trap.
//
// Messages it takes:
//   on the node's port   {type: 'port', port}          the port to the worker; may come again
//   on the worker's port ArrayBuffer                   one packet, as laid out by dais-audio
//   on the worker's port {type: 'ring', buffer}        shared memory for packets; see Ring
//   on the worker's port {type: 'clock', server_ms}    the server's time, as it arrived just now
//   on either port       {type: 'gain', stream, gain}  volume, a factor from 0 to 4
//                        {type: 'open', stream}, {type: 'close', stream}
//                        {type: 'stop'}                ends the processor
//                        {type: 'trap', stream}        with allowTrap only
// Messages it sends, on the worker's port: {type: 'ring'} when it reads the ring; every 500 ms
// {type: 'statistics', …}, see postStatistics. Samples in them are at 48 kHz unless they say otherwise.

const STATISTICS_INTERVAL_S = 0.5;

// A stream is given up at its second trap.
const TRAPS_PER_STREAM_MAX = 2;

// After a second trap within a second nothing is tried for so long: an instance per quantum would
// starve the device.
const TRAP_PAUSE_S = 0.1;

// The wall clock is compared with the device's over so long, which is short enough for clocks that
// drift or are set.
const OFFSET_WINDOW_MS = 1000;

// A wall clock in coarser steps, which some browsers give against fingerprinting, tells nothing.
const WALL_STEP_MS_MAX = 10;

// No device takes so much at once; more is a clock that was set.
const ARRIVAL_AHEAD_S_MAX = 0.1;

// Quanta of one step are asked for within so much of each other, by a clock in milliseconds. A device that was late asks
// for several steps at once, which is no step; it is bounded, and averaged away.
const STEP_PAUSE_MS = 1;
const STEP_SAMPLES_MAX = 2048;
const STEPS_AVERAGED = 16;

// See the worker's ring.rs.
const RING_HEADER = 8;
const RING_RECORD_HEADER = 16;
const RING_SKIP = 0xffffffff;

// Streams remembered by volume or by traps, at most. The oldest is forgotten first.
const REMEMBERED_MAX = 256;

// The statistics block, as documented in the wasm module's source.
const TOTALS = 17;
const ROW = 20;
const COUNTERS = [
  'packets_queued_total',
  'packets_duplicate_total',
  'packets_late_total',
  'packets_overflow_total',
  'packets_invalid_total',
  'packets_undecodable_total',
  'samples_decoded_total',
  'samples_concealed_total',
  'samples_discarded_total',
  'underruns_total',
  'samples_accelerated_total',
  'samples_slowed_total',
];

const readCounters = (numbers, from) =>
  Object.fromEntries(COUNTERS.map((name, index) => [name, numbers[from + index]]));

const remember = (map, key, value) => {
  map.delete(key);
  map.set(key, value);
  if (map.size > REMEMBERED_MAX) map.delete(map.keys().next().value);
};

// Whose packet it is: its first field, little-endian.
const streamOf = (bytes, at, length) =>
  length < 4 ? 0 : new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0, true);

// When something arrived, on the device's clock, to a millisecond or so.
//
// currentTime stands still between two callbacks of the device and while one is late, and then jumps:
// by it a packet that came meanwhile is early, and the next is late. The wall clock does not, and the
// most punctual callbacks of late tell how the two lie to each other.
class ArrivalClock {
  constructor() {
    // The largest device time less wall time, in milliseconds, in this window and in the one before.
    this.offsets = [-Infinity, -Infinity];
    this.windowEndsMs = -Infinity;
    this.readMs = null;
    this.stepMs = Infinity;
  }

  // What the wall clock says; how fine it is shows meanwhile.
  read() {
    const nowMs = Date.now();
    if (this.readMs !== null && nowMs > this.readMs) this.stepMs = Math.min(this.stepMs, nowMs - this.readMs);
    this.readMs = nowMs;
    return nowMs;
  }

  // The device asks for sound. A device asks for several quanta at once: the first of them counts.
  observe(now) {
    const lastMs = this.readMs;
    const nowMs = this.read();
    if (nowMs === lastMs) return;
    if (nowMs >= this.windowEndsMs || nowMs < this.windowEndsMs - OFFSET_WINDOW_MS) {
      // What was before a device stood still says nothing of it now.
      const stoodStill = nowMs >= this.windowEndsMs + OFFSET_WINDOW_MS;
      this.windowEndsMs = nowMs + OFFSET_WINDOW_MS;
      this.offsets = [-Infinity, stoodStill ? -Infinity : this.offsets[0]];
    }
    this.offsets[0] = Math.max(this.offsets[0], now * 1000 - nowMs);
  }

  // The time in seconds of an arrival at `wallMs` of the wall clock, when the device says that it is `now`; `earliest` or
  // later.
  arrival(now, wallMs = this.read(), earliest = now) {
    const offset = Math.max(this.offsets[0], this.offsets[1]);
    if (this.stepMs > WALL_STEP_MS_MAX || offset === -Infinity) return now;
    return Math.min(Math.max((wallMs + offset) / 1000, earliest), now + ARRIVAL_AHEAD_S_MAX);
  }

  // What the wall clock says when the device punctually asks for the sound of its time `at`, in milliseconds.
  // NaN where that is not known.
  wallMs(at) {
    const offset = Math.max(this.offsets[0], this.offsets[1]);
    return this.stepMs > WALL_STEP_MS_MAX || offset === -Infinity ? NaN : at * 1000 - offset;
  }
}

// The reader's end of the memory in which the worker leaves packets, laid out as the worker's
// ring.rs says: looked into before each quantum, where a message would wake this thread each time.
class Ring {
  constructor(buffer) {
    this.positions = new Int32Array(buffer, 0, 2);
    this.records = new DataView(buffer, RING_HEADER);
    this.bytes = new Uint8Array(buffer, RING_HEADER);
  }

  // Calls take(bytes, at, length, wallMs) for each packet: where it is, and when it arrived. A view of it would cost more than
  // the packet.
  drain(take) {
    const written = Atomics.load(this.positions, 0);
    let at = this.positions[1];
    if (at === written) return;
    while (at !== written) {
      const from = at & (this.bytes.length - 1);
      const length = this.records.getUint32(from, true);
      if (length === RING_SKIP) {
        at = (at + this.bytes.length - from) | 0;
        continue;
      }
      take(this.bytes, from + RING_RECORD_HEADER, length, this.records.getFloat64(from + 8, true));
      at = (at + RING_RECORD_HEADER + ((length + 7) & ~7)) | 0;
    }
    Atomics.store(this.positions, 1, at);
  }
}

// How much the device takes at once: it is asked for in quanta that follow each other at once, and then there is a pause.
class Steps {
  constructor() {
    this.samples = 0;
    this.run = 0;
    this.calledAtMs = -Infinity;
  }

  observe(length, nowMs) {
    if (nowMs - this.calledAtMs > STEP_PAUSE_MS) {
      if (this.run > 0) this.samples += (Math.min(this.run, STEP_SAMPLES_MAX) - this.samples) / STEPS_AVERAGED;
      this.run = 0;
    }
    this.run += length;
    this.calledAtMs = nowMs;
  }
}

// One instance of the wasm module with views into its memory.
class Pipeline {
  constructor(module) {
    this.exports = new WebAssembly.Instance(module, {}).exports;
    if (this.exports.dais_init(sampleRate) !== 1) {
      throw new Error(`playback at ${sampleRate} Hz is not supported`);
    }
    this.outputSamplesMax = this.exports.dais_output_capacity();
    this.packetBytesMax = this.exports.dais_packet_capacity();
    this.lookAtMemory();
  }

  // Views die when memory grows. It should not, and is counted if it does.
  lookAtMemory() {
    const { buffer } = this.exports.memory;
    this.memory = buffer;
    this.packet = new Uint8Array(buffer, this.exports.dais_packet_buffer(), this.packetBytesMax);
    this.output = new Float32Array(buffer, this.exports.dais_output_buffer(), this.outputSamplesMax);
    this.quantum = this.output.subarray(0, 0);
  }

  memoryGrew() {
    if (this.memory === this.exports.memory.buffer) return false;
    this.lookAtMemory();
    return true;
  }

  insert(bytes, at, length, now) {
    for (let index = 0; index < length; index += 1) this.packet[index] = bytes[at + index];
    this.exports.dais_insert(length, now);
  }

  // The samples rendered, in a view that is made once for each length.
  render(samples, now) {
    const rendered = this.exports.dais_render(samples, now);
    if (this.quantum.length !== rendered) this.quantum = this.output.subarray(0, rendered);
    return this.quantum;
  }

  // All numbers of the statistics block, copied out.
  readStatistics() {
    const at = this.exports.dais_statistics();
    const totals = new Float64Array(this.exports.memory.buffer, at, TOTALS);
    const numbers = new Float64Array(this.exports.memory.buffer, at, TOTALS + ROW * totals[TOTALS - 1]);
    return numbers.slice();
  }
}

class Playout extends AudioWorkletProcessor {
  constructor(options) {
    super();
    const { module, bytes, allowTrap } = options.processorOptions;
    this.module = module ?? new WebAssembly.Module(bytes);
    this.allowTrap = allowTrap === true;
    this.pipeline = new Pipeline(this.module);
    this.arrivals = new ArrivalClock();
    this.steps = new Steps();
    this.workerPort = null;
    this.ring = null;
    this.drainedAt = 0;
    this.takeFromRing = (bytes, at, length, wallMs) =>
      this.insert(bytes, at, length, this.arrivals.arrival(currentTime, wallMs, this.drainedAt));
    this.stopped = false;
    this.gains = new Map();
    this.traps = new Map();
    this.trappedAt = -Infinity;
    this.pausedUntil = 0;
    // What earlier instances counted.
    this.past = new Float64Array(TOTALS);
    this.counts = { traps_total: 0, late_quanta_total: 0, late_samples_total: 0, memory_growths_total: 0 };
    this.frameExpected = null;
    this.calledAtMs = null;
    this.callGapMsMax = 0;
    this.statisticsAt = 0;
    this.port.onmessage = (event) => this.handleMessage(event.data);
  }

  handleMessage(message) {
    // What is in the ring was there before.
    this.drainRing();
    if (message instanceof ArrayBuffer) {
      this.insert(new Uint8Array(message), 0, message.byteLength, this.arrivals.arrival(currentTime));
      return;
    }
    switch (message?.type) {
      case 'port':
        this.workerPort?.close();
        this.workerPort = message.port;
        this.workerPort.onmessage = (event) => this.handleMessage(event.data);
        this.ring = null;
        break;
      case 'ring':
        this.ring = new Ring(message.buffer);
        this.workerPort?.postMessage({ type: 'ring' });
        break;
      case 'gain':
        remember(this.gains, message.stream, message.gain);
        this.guard((pipeline) => pipeline.exports.dais_set_gain(message.stream, message.gain));
        break;
      case 'open':
        this.guard((pipeline) => pipeline.exports.dais_open_stream(message.stream));
        break;
      case 'close':
        this.gains.delete(message.stream);
        this.guard((pipeline) => pipeline.exports.dais_close_stream(message.stream));
        break;
      case 'clock':
        this.guard((pipeline) => pipeline.exports.dais_clock(message.server_ms, this.arrivals.arrival(currentTime)));
        break;
      case 'stop':
        this.stopped = true;
        this.workerPort?.close();
        this.workerPort = null;
        break;
      case 'trap':
        if (this.allowTrap) this.guard((pipeline) => pipeline.exports.dais_crash(message.stream ?? 0));
        break;
    }
  }

  drainRing() {
    this.ring?.drain(this.takeFromRing);
    this.drainedAt = currentTime;
  }

  insert(bytes, at, length, arrivedS) {
    if (this.traps.size > 0 && this.isQuarantined(streamOf(bytes, at, length))) return;
    this.guard((pipeline) => {
      if (length <= pipeline.packetBytesMax) pipeline.insert(bytes, at, length, arrivedS);
    });
  }

  isQuarantined(stream) {
    return (this.traps.get(stream) ?? 0) >= TRAPS_PER_STREAM_MAX;
  }

  // Runs one call into wasm; whatever it throws costs this instance, not the node.
  guard(call) {
    if (this.pipeline === null && !this.revive()) return undefined;
    try {
      const result = call(this.pipeline);
      if (this.pipeline.memoryGrew()) this.counts.memory_growths_total += 1;
      return result;
    } catch {
      this.handleTrap();
      return undefined;
    }
  }

  handleTrap() {
    this.counts.traps_total += 1;
    const broken = this.pipeline;
    this.pipeline = null;
    try {
      const stream = broken.exports.dais_stream_at_work();
      if (stream >= 0) remember(this.traps, stream, (this.traps.get(stream) ?? 0) + 1);
      const numbers = broken.readStatistics();
      for (let index = 1; index < TOTALS - 1; index += 1) this.past[index] += numbers[index];
    } catch {
      // Too broken even to be read: its counts are lost.
    }
    this.pausedUntil = currentTime - this.trappedAt < 1 ? currentTime + TRAP_PAUSE_S : currentTime;
    this.trappedAt = currentTime;
    this.revive();
  }

  // A new instance with the old volumes; whether there is one.
  revive() {
    if (currentTime < this.pausedUntil) return false;
    try {
      const pipeline = new Pipeline(this.module);
      for (const [stream, gain] of this.gains) pipeline.exports.dais_set_gain(stream, gain);
      this.pipeline = pipeline;
      return true;
    } catch {
      this.pausedUntil = currentTime + 1;
      return false;
    }
  }

  process(inputs, outputs) {
    if (this.stopped) return false;
    const channels = outputs[0] ?? [];
    if (channels.length === 0) return true;
    const length = channels[0].length;
    this.arrivals.observe(currentTime);
    this.drainRing();
    this.steps.observe(length, this.arrivals.readMs);
    this.countLateness(length);
    for (let from = 0; from < length; ) {
      const rendered = this.guard((pipeline) =>
        pipeline.render(Math.min(length - from, pipeline.outputSamplesMax), currentTime),
      );
      // After a trap: silence, which is what the browser put there.
      if (rendered === undefined || rendered.length === 0) break;
      for (const channel of channels) channel.set(rendered, from);
      from += rendered.length;
    }
    if (currentTime >= this.statisticsAt) {
      this.statisticsAt = currentTime + STATISTICS_INTERVAL_S;
      this.guard((pipeline) => pipeline.exports.dais_set_step(Math.round(this.steps.samples)));
      this.postStatistics(length);
    }
    return true;
  }

  // Frames that the device played without asking show as a gap in its count; a thread that was
  // held up without losing any shows on the wall clock only.
  countLateness(length) {
    if (this.frameExpected !== null && currentFrame > this.frameExpected) {
      this.counts.late_quanta_total += 1;
      this.counts.late_samples_total += currentFrame - this.frameExpected;
    }
    this.frameExpected = currentFrame + length;
    const nowMs = this.arrivals.readMs;
    if (this.calledAtMs !== null) this.callGapMsMax = Math.max(this.callGapMsMax, nowMs - this.calledAtMs);
    this.calledAtMs = nowMs;
  }

  postStatistics(length) {
    if (this.workerPort === null) return;
    const numbers = this.guard((pipeline) => pipeline.readStatistics());
    if (numbers === undefined) return;
    const sums = numbers.subarray(0, TOTALS).map((value, index) => value + this.past[index]);
    const streams = [];
    for (let at = TOTALS; at < numbers.length; at += ROW) {
      streams.push({
        stream: numbers[at],
        playing: numbers[at + 1] === 1,
        buffered_samples: numbers[at + 2],
        delay_samples: numbers[at + 3],
        target_samples: numbers[at + 4],
        jitter_samples: numbers[at + 5],
        level_dbov: numbers[at + 6],
        timestamp_next: numbers[at + 7],
        ...readCounters(numbers, at + 8),
      });
    }
    this.workerPort.postMessage({
      type: 'statistics',
      device_rate_hz: sampleRate,
      streams_open: numbers[0],
      packets_unplaced_total: sums[1],
      // When the streams' timestamp_next is given to the device: punctual by the wall clock is a step's last quantum, and
      // all of it is asked for then.
      next_wall_ms: this.arrivals.wallMs(currentTime + Math.max(this.steps.samples, length) / sampleRate),
      // At the device's rate.
      samples_rendered_total: sums[2],
      samples_clipped_total: sums[3],
      ...readCounters(sums, 4),
      ...this.counts,
      // The device asked for late_samples_total (at its rate) in vain; since the last message the
      // longest time between two calls was call_gap_ms_max.
      call_gap_ms_max: this.callGapMsMax,
      streams_quarantined: [...this.traps.keys()].filter((stream) => this.isQuarantined(stream)),
      streams,
    });
    this.callGapMsMax = 0;
  }
}

registerProcessor('dais-playout', Playout);
