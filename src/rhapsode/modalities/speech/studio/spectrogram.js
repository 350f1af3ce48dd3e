// The spectrogram of a sound: how loud each frequency is, over time. As `picture.py` has it, for the terminal's files.

const WINDOW = 0.02; // seconds: short, so that phones are seen rather than harmonics
export const STEP = 0.0025; // seconds from column to column
export const HIGHEST = 8000; // Hz
const RANGE = 65; // dB, from paper to ink
const USUAL = 0.98; // of the columns are no louder than what is all ink: a click makes nothing pale
const EMPHASIS = 0.95; // speech falls with frequency: what is high is raised, to be seen

// Powers of 2: the fast Fourier transform of Cooley and Tukey (1965), in place.
class Transform {
  constructor(size) {
    this.size = size;
    this.re = new Float64Array(size);
    this.im = new Float64Array(size);
    this.cos = Float64Array.from({ length: size / 2 }, (_, n) => Math.cos((2 * Math.PI * n) / size));
    this.sin = Float64Array.from({ length: size / 2 }, (_, n) => -Math.sin((2 * Math.PI * n) / size));
    const bits = Math.log2(size);
    this.turned = Uint32Array.from({ length: size }, (_, n) => {
      let found = 0;
      for (let bit = 0; bit < bits; bit++) found |= ((n >> bit) & 1) << (bits - 1 - bit);
      return found;
    });
  }

  run() {
    const { size, re, im, cos, sin, turned } = this;
    for (let n = 0; n < size; n++) {
      const other = turned[n];
      if (other > n) {
        [re[n], re[other]] = [re[other], re[n]];
        [im[n], im[other]] = [im[other], im[n]];
      }
    }
    for (let half = 1; half < size; half *= 2) {
      const stride = size / (2 * half);
      for (let begin = 0; begin < size; begin += 2 * half) {
        for (let n = 0, k = 0; n < half; n++, k += stride) {
          const [a, b] = [begin + n, begin + n + half];
          const r = re[b] * cos[k] - im[b] * sin[k];
          const i = re[b] * sin[k] + im[b] * cos[k];
          re[b] = re[a] - r;
          im[b] = im[a] - i;
          re[a] += r;
          im[a] += i;
        }
      }
    }
  }
}

export class Spectrogram {
  #transform;
  #window;
  #sum;

  constructor(samples, rate) {
    const length = Math.round(WINDOW * rate);
    const size = 2 ** (Math.ceil(Math.log2(length)) + 1);
    Object.assign(this, { samples, rate });
    this.#transform = new Transform(size);
    this.#window = Float64Array.from({ length }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / (length - 1)));
    this.rows = Math.floor((Math.min(HIGHEST, rate / 2) * size) / rate) + 1;
    this.highest = ((this.rows - 1) * rate) / size; // Hz of the last row
    this.columns = Math.ceil(samples.length / rate / STEP);
    this.decibels = new Float32Array(this.columns * this.rows);
    this.done = 0; // columns that are there
    this.tops = []; // of each column
    this.loudest = -120;
    this.#sum = 1e-12;
  }

  // Computes the next column. Returns whether more are to come.
  step() {
    if (this.done >= this.columns) return false;
    const { samples, rate, rows } = this;
    const { re, im, size } = this.#transform;
    const length = this.#window.length;
    const begin = Math.round(this.done * STEP * rate) - (length >> 1);
    re.fill(0);
    im.fill(0);
    for (let n = 0; n < length; n++) {
      const at = begin + n;
      if (at >= 0 && at < samples.length) re[n] = (samples[at] - EMPHASIS * (samples[at - 1] ?? 0)) * this.#window[n];
    }
    this.#transform.run();
    const column = this.done * rows;
    let top = -120;
    for (let k = 0; k < rows && k <= size / 2; k++) {
      const found = 10 * Math.log10(Math.max(re[k] * re[k] + im[k] * im[k], this.#sum));
      this.decibels[column + k] = found;
      if (found > top) top = found;
    }
    this.tops.push(top);
    this.loudest = Math.max(this.loudest, top);
    this.done++;
    if (this.done < this.columns) return true;
    this.loudest = this.tops.toSorted((one, other) => one - other)[Math.floor(USUAL * (this.columns - 1))];
    return false;
  }

  // 0 to 255, from RANGE below the loudest of the whole sound up to it.
  level(column, row, loudest = this.loudest) {
    const found = 1 + (this.decibels[column * this.rows + row] - loudest) / RANGE;
    return found <= 0 ? 0 : found >= 1 ? 255 : Math.round(255 * found);
  }
}
