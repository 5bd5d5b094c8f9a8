// The microphone test: keeps a few seconds of what the device delivers and plays them back. They
// never leave the audio thread. With the processor option `suppressor`, the bytes of a module, they are cleaned by
// suppressor.js, which must have been added before.
//
// Messages it takes: {type: 'play'} ends the recording and plays it.
// Messages it sends: {type: 'level', dbov}, 20 times a second while it records or plays, 0 (overload)
// to 127 (silence) as in RFC 6464; {type: 'unsuppressed'} when the suppressor does not work; {type: 'full'} when there is room for nothing more, and
// {type: 'played'} when all of it was played.

const SECONDS_MAX = 5;
const LEVELS_PER_SECOND = 20;

class Trial extends AudioWorkletProcessor {
  constructor(options) {
    super();
    const suppressor = options?.processorOptions?.suppressor;
    const failed = () => this.port.postMessage({ type: 'unsuppressed' });
    this.suppressor = suppressor ? new globalThis.DaisSuppressor(suppressor, failed) : null;
    this.recording = new Float32Array(SECONDS_MAX * sampleRate);
    this.filled = 0;
    // Samples played; null while recording.
    this.played = null;
    this.over = false;
    this.power = 0;
    this.measured = 0;
    this.port.onmessage = (event) => {
      if (event.data?.type === 'play') this.played ??= 0;
    };
  }

  process(inputs, outputs) {
    if (this.over) return false;
    if (this.played === null) this.record(inputs[0] ?? []);
    else this.play(outputs[0] ?? []);
    return true;
  }

  record(channels) {
    const length = Math.min(channels[0]?.length ?? 0, this.recording.length - this.filled);
    for (let index = 0; index < length; index += 1) {
      let sum = 0;
      for (const channel of channels) sum += channel[index];
      this.recording[this.filled + index] = sum / channels.length;
    }
    this.suppressor?.process(this.recording.subarray(this.filled, this.filled + length));
    this.measure(this.filled, length);
    this.filled += length;
    if (length > 0 && this.filled === this.recording.length) this.port.postMessage({ type: 'full' });
  }

  play(channels) {
    const length = Math.min(channels[0]?.length ?? 0, this.filled - this.played);
    for (const channel of channels) channel.set(this.recording.subarray(this.played, this.played + length));
    this.measure(this.played, length);
    this.played += length;
    if (this.played === this.filled) {
      this.over = true;
      this.port.postMessage({ type: 'played' });
    }
  }

  measure(from, length) {
    for (let index = from; index < from + length; index += 1) this.power += this.recording[index] ** 2;
    this.measured += length;
    if (this.measured < sampleRate / LEVELS_PER_SECOND) return;
    const dbov = Math.min(127, Math.max(0, Math.round(-10 * Math.log10(this.power / this.measured + 1e-13))));
    this.port.postMessage({ type: 'level', dbov });
    this.power = 0;
    this.measured = 0;
  }
}

registerProcessor('dais-trial', Trial);
