// How late a sound comes out: chirps at irregular intervals in running speech, found again by a matched filter.

const RATE = 48_000;
// The filter works at a third of the rate: a chirp ends at 3 kHz, and a step of 1/16 ms is fine enough.
const DECIMATION = 3;
const RATE_LOW = RATE / DECIMATION;

const CHIRP_SECONDS = 0.08;
const CHIRP_HZ = [600, 3000];
const CHIRP_AMPLITUDE = 0.5;
// Irregular, so that no delay can be mistaken for another that is an interval longer.
const INTERVAL_SECONDS = [0.55, 0.95];

// Normalised correlation from which on a chirp is taken for one, where it was played and where it was heard.
const SPOKEN_LIKENESS = 0.7;
const HEARD_LIKENESS = 0.3;
const DELAY_SECONDS = [-0.05, 1];
// How far one chirp's delay lies from the others'.
const NEAR_SECONDS = 0.08;
// The common delay is looked for in steps of 5 ms, in samples at the low rate.
const BLOCK = 80;

const chirp = (rate) => {
  const length = Math.round(CHIRP_SECONDS * rate);
  const [low, high] = CHIRP_HZ;
  return Float32Array.from({ length }, (_, index) => {
    const at = index / rate;
    const phase = 2 * Math.PI * (low * at + ((high - low) * at * at) / (2 * CHIRP_SECONDS));
    return Math.sin(phase) * (0.5 - 0.5 * Math.cos((2 * Math.PI * index) / (length - 1)));
  });
};

// Adds chirps to `samples` at 48 kHz, in place.
export const addChirps = (samples, seed = 1) => {
  const shape = chirp(RATE);
  let state = seed;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0; // Numerical Recipes' generator.
    return state / 2 ** 32;
  };
  const [least, most] = INTERVAL_SECONDS;
  for (let at = 0.3; (at + CHIRP_SECONDS) * RATE < samples.length; at += least + random() * (most - least)) {
    const from = Math.round(at * RATE);
    for (let index = 0; index < shape.length; index += 1) {
      const mixed = samples[from + index] + CHIRP_AMPLITUDE * shape[index];
      samples[from + index] = Math.max(-1, Math.min(1, mixed));
    }
  }
  return samples;
};

const decimate = (samples) =>
  Float32Array.from({ length: Math.floor(samples.length / DECIMATION) }, (_, index) => {
    const from = index * DECIMATION;
    return (samples[from] + samples[from + 1] + samples[from + 2]) / DECIMATION;
  });

// Normalised correlation with the chirp at every place from `from` on.
const likenesses = (samples, template, from, to) => {
  const length = template.length;
  const norm = Math.sqrt(template.reduce((sum, value) => sum + value * value, 0));
  const first = Math.max(0, from);
  const last = Math.min(to, samples.length - length);
  const found = new Float32Array(Math.max(0, last - first));
  let energy = 0;
  for (let index = 0; index < length && first + index < samples.length; index += 1) energy += samples[first + index] ** 2;
  for (let at = first; at < last; at += 1) {
    let product = 0;
    for (let index = 0; index < length; index += 1) product += samples[at + index] * template[index];
    found[at - first] = energy > 1e-7 ? product / (norm * Math.sqrt(energy)) : 0;
    energy = Math.max(0, energy + samples[at + length] ** 2 - samples[at] ** 2);
  }
  return { found, first };
};

const highest = ({ found, first }) => {
  let best = 0;
  for (let index = 1; index < found.length; index += 1) if (found[index] > found[best]) best = index;
  return { at: first + best, likeness: found[best] ?? 0 };
};

// Where chirps begin in a recording at 48 kHz, in seconds.
export const chirpTimes = (samples) => places(decimate(samples), chirp(RATE_LOW)).map((at) => at / RATE_LOW);

// Where chirps begin, in samples at the low rate.
const places = (samples, template) => {
  const all = likenesses(samples, template, 0, samples.length);
  const found = [];
  for (let from = 0; from < all.found.length; ) {
    const start = all.found.subarray(from).findIndex((likeness) => likeness > SPOKEN_LIKENESS);
    if (start < 0) break;
    const near = from + start;
    const { at } = highest({ found: all.found.subarray(near, near + template.length), first: near });
    found.push(at);
    from = at + template.length;
  }
  return found;
};

// How much later each chirp of `spoken` is in `heard`, in milliseconds; `null` for one that is not there. Both at
// 48 kHz and on one clock. The delay that fits all chirps is found first, and then each one's own, near it.
export const chirpDelays = (spoken, heard) => {
  const template = chirp(RATE_LOW);
  const [played, came] = [decimate(spoken), decimate(heard)];
  const [earliest, latest, near] = [...DELAY_SECONDS, NEAR_SECONDS].map((seconds) => Math.round(seconds * RATE_LOW));
  const inside = (at) => at + earliest >= 0 && at + latest + template.length < came.length;
  const chirps = places(played, template)
    .filter(inside)
    .map((at) => likenesses(came, template, at + earliest, at + latest).found);
  // Playout is stretched and shrunk, so that chirps differ by a few milliseconds: what lies close together counts.
  const blocks = Math.floor((latest - earliest) / BLOCK);
  const together = Float32Array.from({ length: blocks }, (_, block) =>
    chirps.reduce((sum, found) => sum + Math.max(...found.subarray(Math.max(0, block - 1) * BLOCK, (block + 2) * BLOCK)), 0),
  );
  const common = highest({ found: together, first: 0 }).at * BLOCK;
  return chirps.map((found) => {
    const first = Math.max(0, common - near);
    const { at, likeness } = highest({ found: found.subarray(first, common + near), first });
    return likeness > HEARD_LIKENESS ? ((at + earliest) * 1000) / RATE_LOW : null;
  });
};
