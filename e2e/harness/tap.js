// Put into the page by the tests: keeps what reaches the loudspeaker, sample by sample, on the audio
// clock.

const CHUNK_SAMPLES = 4096;

class Tap extends AudioWorkletProcessor {
  constructor() {
    super();
    this.chunk = new Float32Array(CHUNK_SAMPLES);
    this.filled = 0;
  }

  process(inputs) {
    const channel = inputs[0]?.[0];
    const length = channel?.length ?? 128;
    for (let index = 0; index < length; index += 1) {
      this.chunk[this.filled] = channel?.[index] ?? 0;
      this.filled += 1;
      if (this.filled === CHUNK_SAMPLES) {
        this.port.postMessage({ frame: currentFrame + index + 1 - CHUNK_SAMPLES, samples: this.chunk });
        this.filled = 0;
      }
    }
    return true;
  }
}

registerProcessor('e2e-tap', Tap);
