// The microphone's end of the audio thread: cuts what the device delivers into frames and hands
// each to the worker, in a buffer that comes back for reuse.
//
// It refuses to know codecs, rates other than the device's own, who may speak and why it was
// opened. It never waits: where the worker is stuck, frames are dropped and counted, and the
// worker is told how much time went by.
//
// With the processor option `suppressor`, the bytes of a module, each frame is cleaned by suppressor.js, which must have been
// added before.
//
// Messages it takes:
//   on the node's port   {type: 'port', port}   the port to the worker; may come again
//   on either port       {type: 'stop'}         ends the processor
//   on the worker's port ArrayBuffer            a buffer comes back
// Messages it sends, on the node's port:
//   {type: 'unsuppressed'}                      the suppressor does not work, and frames are not cleaned
// and on the worker's port:
//   ArrayBuffer                                 one frame: mono 32-bit floats at the device's rate
//   {type: 'dropped', samples, frames_total}    so many samples were dropped just before the next
//                                               frame; frames_total since the beginning

// Buffers on their way or in use by the worker, at most: 320 ms in frames of 10 ms. What waits
// longer is not worth sending.
const BUFFERS_MAX = 32;

class Capture extends AudioWorkletProcessor {
  constructor(options) {
    super();
    this.frameMs = options?.processorOptions?.frameMs ?? 10;
    const suppressor = options?.processorOptions?.suppressor;
    const failed = () => this.port.postMessage({ type: 'unsuppressed' });
    this.suppressor = suppressor ? new globalThis.DaisSuppressor(suppressor, failed) : null;
    this.stopped = false;
    this.workerPort = null;
    this.free = [];
    this.outstanding = 0;
    this.frame = null;
    this.filled = 0;
    this.framesBegun = 0;
    this.frameLength = 0;
    this.quantumLength = 128;
    this.heard = false;
    this.samplesDropped = 0;
    this.framesDroppedTotal = 0;
    this.port.onmessage = (event) => this.handleControl(event.data);
  }

  handleControl(message) {
    if (message?.type === 'stop') {
      this.stopped = true;
      this.workerPort?.close();
      this.workerPort = null;
    } else if (message?.type === 'port') {
      this.workerPort?.close();
      // Buffers that the old worker holds are gone with it.
      this.outstanding = 0;
      this.workerPort = message.port;
      this.workerPort.onmessage = (event) => this.handleWorker(event.data);
    }
  }

  handleWorker(message) {
    if (message instanceof ArrayBuffer) {
      this.outstanding = Math.max(0, this.outstanding - 1);
      if (this.free.length < BUFFERS_MAX) this.free.push(message);
    } else {
      this.handleControl(message);
    }
  }

  // Frame k ends at the rounded k-th multiple of its exact length in the context's own count of samples. So no rate drifts;
  // and where the context takes as much at once, in as many whole quanta as that needs, each step completes a frame. From
  // any other beginning three of four would be complete only with the next step.
  boundary(count) {
    return Math.round((count * this.frameMs * sampleRate) / 1000);
  }

  // Begins the first frame within a quantum; how many of its samples come before, or all where it begins later.
  beginFirst(length) {
    this.framesBegun = Math.ceil((currentFrame * 1000) / (this.frameMs * sampleRate));
    const before = this.boundary(this.framesBegun) - currentFrame;
    if (before >= length) return length;
    this.beginFrame();
    return before;
  }

  beginFrame() {
    this.frameLength = this.boundary(this.framesBegun + 1) - this.boundary(this.framesBegun);
    this.framesBegun += 1;
    this.filled = 0;
    this.frame = null;
  }

  // A buffer of the frame's length, or null where the worker has them all.
  takeBuffer() {
    if (this.outstanding >= BUFFERS_MAX) return null;
    const bytes = this.frameLength * Float32Array.BYTES_PER_ELEMENT;
    while (this.free.length > 0) {
      const buffer = this.free.pop();
      // One of another length (a rate without whole frames, or another worker) is let go.
      if (buffer.byteLength === bytes) return new Float32Array(buffer);
    }
    return new Float32Array(this.frameLength);
  }

  process(inputs, outputs) {
    if (this.stopped) return false;
    const channels = inputs[0] ?? [];
    const length = channels[0]?.length ?? outputs[0]?.[0]?.length ?? this.quantumLength;
    this.quantumLength = length;
    this.heard ||= channels.length > 0;
    // Before the source is connected there is nothing; after it fell silent, time goes on.
    if (this.heard && this.workerPort !== null) this.take(channels, length);
    return true;
  }

  take(channels, length) {
    const first = this.frameLength === 0 ? this.beginFirst(length) : 0;
    for (let index = first; index < length; ) {
      if (this.filled === 0) this.frame = this.takeBuffer();
      const count = Math.min(length - index, this.frameLength - this.filled);
      if (this.frame !== null) this.mix(channels, index, count);
      this.filled += count;
      index += count;
      if (this.filled === this.frameLength) this.sendFrame();
    }
  }

  mix(channels, from, count) {
    const share = 1 / Math.max(1, channels.length);
    for (let offset = 0; offset < count; offset += 1) {
      let sum = 0;
      for (const channel of channels) sum += channel[from + offset];
      this.frame[this.filled + offset] = sum * share;
    }
  }

  sendFrame() {
    if (this.frame === null) {
      this.samplesDropped += this.frameLength;
      this.framesDroppedTotal += 1;
    } else {
      this.suppressor?.process(this.frame);
      if (this.samplesDropped > 0) {
        this.workerPort.postMessage({
          type: 'dropped',
          samples: this.samplesDropped,
          frames_total: this.framesDroppedTotal,
        });
        this.samplesDropped = 0;
      }
      const { buffer } = this.frame;
      this.outstanding += 1;
      this.workerPort.postMessage(buffer, [buffer]);
    }
    this.beginFrame();
  }
}

registerProcessor('dais-capture', Capture);
