// A sentence as it was spoken, and what a person has changed of its phones: how long each lasts, and how high it is.

export const PAUSE = "_";
export const SHORTEST = 0.015; // seconds of a phone
export const LONGEST = 5;
export const SEMITONES = 24; // by which a phone may be moved
const RAMP = 0.015; // seconds before and after a border, in which the pitch goes from one phone's to the next one's
const SAME = 1e-6;
const LOWEST_HERTZ = 20;
const HIGHEST_HERTZ = 2000;

const within = (value, low, high) => Math.min(Math.max(value, low), high);

export class Sentence {
  // uttered, words: as an answer's `utterances` and `words` have them. samples: of its sound.
  constructor(uttered, words, samples) {
    this.base = uttered;
    // Words and pauses: [{ first, last, label }], by the numbers of their phones; a pause has no label.
    const at = (which, second) => uttered.phones.findIndex((row) => row[which] === second);
    this.words = words.map(([begin, end, label]) => ({ first: at(1, begin), last: at(2, end), label }));
    this.baseSamples = samples;
    this.samples = samples; // of what is heard now
    this.said = ""; // the changes that are heard
    this.changes = new Map(); // number of a phone → { factor, lift }: times as long, semitones higher
    this.#reckon();
  }

  get phones() {
    return this.base.phones;
  }

  get seconds() {
    return this.times.at(-1);
  }

  get hop() {
    return this.base.f0.hop;
  }

  lasts(n) {
    return this.times[n + 1] - this.times[n];
  }

  lift(n) {
    return this.changes.get(n)?.lift ?? 0;
  }

  factor(n) {
    return this.changes.get(n)?.factor ?? 1;
  }

  // The middle of the phone's F0, Hz; 0 where it is unvoiced.
  height(n) {
    const [begin, end] = [this.times[n] / this.hop, this.times[n + 1] / this.hop].map(Math.round);
    const found = this.hertz.slice(begin, Math.max(end, begin + 1)).filter((hertz) => hertz > 0);
    return found.sort((one, other) => one - other)[found.length >> 1] ?? 0;
  }

  // Whether the voice sounds in it as it was spoken.
  voiced(n) {
    return this.height(n) > 0;
  }

  // Sets how many times as long as it was spoken a phone is, and how many semitones higher.
  change(n, { factor = this.factor(n), lift = this.lift(n) }) {
    const [, begin, end] = this.phones[n];
    const lasting = end - begin;
    const one = {
      factor: within(factor, Math.min(1, SHORTEST / lasting), Math.max(1, LONGEST / lasting)),
      lift: Math.round(100 * within(lift, -SEMITONES, SEMITONES)) / 100,
    };
    if (Math.abs(one.factor - 1) < SAME) one.factor = 1;
    if (one.factor === 1 && one.lift === 0) this.changes.delete(n);
    else this.changes.set(n, one);
    this.#reckon();
  }

  // All changes, as JSON has them: [[number, factor, lift], …].
  get changed() {
    return [...this.changes].sort(([one], [other]) => one - other).map(([n, { factor, lift }]) => [n, factor, lift]);
  }

  set changed(changes) {
    this.changes.clear();
    for (const [n, factor, lift] of changes) {
      if (this.phones[n] && factor > 0 && Number.isFinite(lift)) this.changes.set(n, { factor, lift });
    }
    this.#reckon();
  }

  get key() {
    return JSON.stringify(this.changed);
  }

  // What is asked of the server: all as it was spoken, but for what is changed.
  asked() {
    const phones = this.phones.map(([symbol, , , more], n) => [symbol, this.times[n], this.times[n + 1], more]);
    return { ...this.base, phones, f0: { hop: this.hop, hertz: Array.from(this.hertz) } };
  }

  // The sound of the changes `key` is there.
  heard(samples, key) {
    this.samples = samples;
    this.said = key === "[]" ? "" : key;
  }

  // Whether what is heard is as the changes say.
  get fresh() {
    return (this.said || "[]") === this.key;
  }

  // ---------------------------------------------------------------- Times and F0, with the changes

  #reckon() {
    const { phones } = this;
    let shift = 0; // of what comes later: exactly 0 while nothing has changed
    this.times = new Float64Array(phones.length + 1);
    for (const [n, [, begin, end]] of phones.entries()) {
      this.times[n] = begin + shift;
      if (this.factor(n) !== 1) shift += (end - begin) * (this.factor(n) - 1);
      this.times[n + 1] = end + shift;
    }
    this.hertz = this.#line();
  }

  // [N] Hz of each frame, 0 where unvoiced.
  #line() {
    const { hertz, hop } = this.base.f0;
    const stretched = this.times.at(-1) !== this.phones.at(-1)[2] || [...this.changes.values()].some(({ factor }) => factor !== 1);
    const lifted = [...this.changes.values()].some(({ lift }) => lift !== 0);
    if (!stretched && !lifted) return Float64Array.from(hertz);
    const count = stretched ? Math.round(this.times.at(-1) / hop) + 1 : hertz.length;
    const line = new Float64Array(count);
    let n = 0;
    for (let frame = 0; frame < count; frame++) {
      const second = frame * hop;
      while (n < this.phones.length - 1 && second >= this.times[n + 1]) n++;
      const own = stretched ? this.#spoken(n, second) : hertz[frame];
      line[frame] = own && within(own * 2 ** (this.#lifted(n, second) / 12), LOWEST_HERTZ, HIGHEST_HERTZ);
    }
    return line;
  }

  // Hz as they were spoken, at the moment that is now at a second of phone n.
  #spoken(n, second) {
    const [, begin, end] = this.phones[n];
    const part = within((second - this.times[n]) / this.lasts(n), 0, 1);
    const { hertz, hop } = this.base.f0;
    const at = within((begin + part * (end - begin)) / hop, 0, hertz.length - 1);
    const before = Math.floor(at + SAME);
    const after = Math.min(before + 1, hertz.length - 1);
    const share = Math.max(0, at - before);
    const [low, high] = [hertz[before], hertz[after]];
    if (share < SAME) return low;
    return low > 0 && high > 0 ? low * (high / low) ** share : share < 0.5 ? low : high;
  }

  // Semitones at a second of phone n. Near a border, it goes to what the phone beside has.
  #lifted(n, second) {
    const own = this.lift(n);
    for (const [beside, away] of [
      [n - 1, second - this.times[n]],
      [n + 1, this.times[n + 1] - second],
    ]) {
      const symbol = this.phones[beside]?.[0];
      if (symbol === undefined || symbol === PAUSE || this.lift(beside) === own) continue;
      const ramp = Math.min(RAMP, this.lasts(n) / 4, this.lasts(beside) / 4);
      if (away < ramp) return own + ((this.lift(beside) - own) / 2) * (1 - Math.max(0, away) / ramp);
    }
    return own;
  }
}
