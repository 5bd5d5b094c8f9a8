// Noise suppression for the other files on the audio thread: RNNoise, in place, on whatever they give it. Added to a context
// only where somebody switched it on (see client/suppressor, which this drives).
//
// It refuses to know where samples come from and go to, and never leaves somebody without a voice: where the module cannot be
// made or traps, samples stay as they were, and `failed` is called, once.

class Suppressor {
  // `bytes` is the module.
  constructor(bytes, failed) {
    this.failed = failed;
    this.works = true;
    try {
      this.exports = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
      if (this.exports.dais_init(sampleRate) !== 1) throw new RangeError('not at this rate');
    } catch {
      this.giveUp();
    }
  }

  giveUp() {
    this.works = false;
    this.failed();
  }

  // Cleans mono 32-bit floats at the context's rate, any number of them.
  process(samples) {
    if (!this.works) return;
    try {
      const most = this.exports.dais_samples_max();
      for (let from = 0; from < samples.length; from += most) this.clean(samples.subarray(from, from + most));
    } catch {
      this.giveUp();
    }
  }

  clean(part) {
    this.shared(part.length).set(part);
    if (this.exports.dais_suppress(part.length) !== 1) throw new RangeError('not so many at once');
    part.set(this.shared(part.length));
  }

  // The samples that both sides see. Its memory may have grown since the last time.
  shared(length) {
    return new Float32Array(this.exports.memory.buffer, this.exports.dais_samples(), length);
  }
}

globalThis.DaisSuppressor = Suppressor;
