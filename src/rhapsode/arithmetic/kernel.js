// The network in whole numbers, in plain JavaScript. docs/arithmetic.md, "The network".

import { Activations, COARSE, FINE, NUMBER, Numbers, Scaled, number, whole } from "./products.js";
import { SIGMOID, TANH } from "./tables.js";
import { Window } from "./window.js";

const REMEMBERED = 4096; // symbols whose share in the sums of a layer is kept
const EMBEDDING = "embedding", COVARIATES = "covariates", ATTENDED = "attended";

// One row of a network: it reads steps, and gives the parameters of the distribution of the next one.
export class Network {
  // program: what is computed, as `rhapsode.export._model` writes it. tensors: name → typed array.
  constructor(program, tensors) {
    const { layers, attention, fine } = program;
    const cells = layers.map(({ cell, width }) => (cell === "rnn" ? 0 : width));
    const sum = (widths) => widths.reduce((one, other) => one + other, 0);
    const [positions, seen] = attention ? [attention.components, attention.width] : [0, 0];
    const memory = new ArrayBuffer(8 * positions + 2 * (seen + sum(cells)) + (fine ? 2 : 1) * sum(layers.map(({ width }) => width)));
    let end = 0;
    const part = (kind, length) => {
      const view = new kind(memory, end, length);
      end += view.byteLength;
      return view;
    };
    this._memory = new Uint8Array(memory);
    this._window = attention && new Window(attention, part(Float64Array, positions));
    this._numbers = { [ATTENDED]: part(Int16Array, seen), [COVARIATES]: new Int16Array(program.covariates) };
    const c = cells.map((width) => part(Int16Array, width));
    const outputs = Object.fromEntries(layers.map(({ name, width }) => [name, part(fine ? Int16Array : Int8Array, width)]));
    this._layers = layers.map((layer, n) => new Layer(layer, tensors, outputs, c[n], fine));
    this._steering = attention && new Linear(program.steering, tensors, outputs, fine);
    this._output = new Linear(program.output, tensors, outputs, fine);
    this._embedding = program.embedding && new Embedding(program.embedding, tensors);
    this.text = null; // the symbols that are attended to: whole numbers
  }

  // Forgets everything.
  reset() {
    this._memory.fill(0);
  }

  // Everything that it remembers, which `load` takes back: bytes.
  save() {
    return this._memory.slice();
  }

  load(saved) {
    this._memory.set(saved);
  }

  // Reads a step: the parameters of the next, Int32Array of logits or Float64Array. The next call overwrites them.
  // step: a symbol, the fields of a tuple, or real numbers. covariates: of the next step, real numbers.
  read(step, covariates = []) {
    const numbers = this._numbers;
    for (let k = 0; k < covariates.length; k++) numbers[COVARIATES][k] = number(covariates[k]);
    this._layers.forEach((layer, n) => {
      layer.read(step, this._embedding, numbers);
      if (n === 0 && this._window) this._window.move(this._steering.read(numbers), this.text, numbers[ATTENDED]);
    });
    return this.predict();
  }

  // The same parameters once more, or those of the place that was loaded.
  predict() {
    return this._output.read(this._numbers);
  }

  // How much of each symbol of the text was seen at the last step: Float64Array.
  get attention() {
    return this._window.weights;
  }
}

// Steps as numbers that are read.
class Embedding {
  constructor({ kind, width, begins, most }, tensors) {
    Object.assign(this, { kind, begins, most: most ?? Infinity, numbers: new Int16Array(width) });
    if (kind === "table") {
      this.table = tensors[EMBEDDING];
      this.multiplier = tensors[`${EMBEDDING}.multiplier`];
      [this.shift] = tensors[`${EMBEDDING}.shift`];
    }
  }

  of(step) {
    const { numbers, table, multiplier, shift, begins, most } = this;
    if (this.kind === "table") {
      const half = 2 ** (shift - 1), begin = step * numbers.length;
      for (let k = 0; k < numbers.length; k++) numbers[k] = whole((table[begin + k] * multiplier[step] + half) >> shift);
    } else if (this.kind === "one-hot") {
      numbers.fill(0);
      [step].flat().forEach((value, field) => { numbers[begins[field] + value] = NUMBER; });
    } else {
      for (let k = 0; k < numbers.length; k++) numbers[k] = number(Math.min(Math.max(step[k], -most), most));
    }
    return numbers;
  }
}

// A matrix, by the name of its tensors.
function matrix(name, tensors, fine) {
  const weights = tensors[name], scale = tensors[`${name}.scale`];
  if (scale) return new Scaled(weights, scale);
  const kind = weights instanceof Int8Array ? Activations : Numbers;
  return new kind(weights, tensors[`${name}.multiplier`], tensors[`${name}.shift`][0], fine);
}

// What a layer reads of others.
class Kernel {
  constructor({ name, activations }, tensors, outputs, fine) {
    this._matrix = matrix(`${name}.kernel`, tensors, fine);
    this._sources = activations.map((source) => outputs[source]);
  }

  addTo(out) {
    const { x } = this._matrix;
    let end = 0;
    for (const source of this._sources) {
      x.set(source, end);
      end += source.length;
    }
    this._matrix.addTo(out);
  }
}

// A linear layer.
class Linear {
  constructor(layer, tensors, outputs, fine) {
    this._bias = tensors[`${layer.name}.bias`];
    this._out = this._bias.slice();
    const recurrent = layer.activations.length;
    this._matrix = recurrent ? new Kernel(layer, tensors, outputs, fine) : matrix(`${layer.name}.${COVARIATES}`, tensors);
  }

  read(numbers) {
    this._out.set(this._bias);
    this._matrix.addTo(this._out, numbers[COVARIATES]);
    return this._out;
  }
}

// A recurrent layer. Its output h and its memory cells c are in the network's memory.
class Layer {
  constructor(layer, tensors, outputs, c, fine) {
    const { name, numbers } = layer;
    this._bias = tensors[`${name}.bias`];
    this._z = new Int32Array(this._bias.length);
    this._kernel = new Kernel(layer, tensors, outputs, fine);
    this._embedded = numbers.includes(EMBEDDING) ? matrix(`${name}.${EMBEDDING}`, tensors) : null;
    this._others = numbers.filter((source) => source !== EMBEDDING).map((source) => [source, matrix(`${name}.${source}`, tensors)]);
    this._shares = new Map();
    this._one = fine ? FINE : COARSE;
    this._h = outputs[name];
    this._c = c;
    this._peephole = tensors[`${name}.peephole`];
    this._peepholeShift = this._peephole && tensors[`${name}.peephole.shift`][0];
  }

  read(step, embedding, numbers) {
    const z = this._z;
    z.set(this._embedded ? this._share(step, embedding) : this._bias);
    for (const [source, rows] of this._others) rows.addTo(z, numbers[source]);
    this._kernel.addTo(z);
    if (!this._c.length) this._tanh();
    else if (this._peephole) this._peep();
    else this._lstm();
  }

  // The bias and what the step adds to it.
  _share(step, embedding) {
    const symbol = typeof step === "number";
    let share = symbol && this._shares.get(step);
    if (!share) {
      share = this._bias.slice();
      this._embedded.addTo(share, embedding.of(step));
      if (symbol && this._shares.size < REMEMBERED) this._shares.set(step, share);
    }
    return share;
  }

  _tanh() {
    for (let j = 0; j < this._h.length; j++) this._h[j] = (TANH[at(this._z[j])] * this._one + 16384) >> 15;
  }

  _lstm() {
    const z = this._z, h = this._h, c = this._c, one = this._one, width = h.length;
    for (let j = 0; j < width; j++) {
      const i = SIGMOID[at(z[j])], f = SIGMOID[at(z[width + j])], g = TANH[at(z[2 * width + j])];
      c[j] = remembered(i, f, g, c[j]);
      h[j] = shown(SIGMOID[at(z[3 * width + j])], c[j], one);
    }
  }

  _peep() {
    const z = this._z, h = this._h, c = this._c, p = this._peephole, one = this._one, width = h.length;
    const shift = this._peepholeShift, half = 2 ** (shift - 1);
    for (let j = 0; j < width; j++) {
      const i = SIGMOID[at(z[j] + ((p[j] * c[j] + half) >> shift))];
      const f = SIGMOID[at(z[width + j] + ((p[width + j] * c[j] + half) >> shift))];
      c[j] = remembered(i, f, TANH[at(z[2 * width + j])], c[j]);
      h[j] = shown(SIGMOID[at(z[3 * width + j] + ((p[2 * width + j] * c[j] + half) >> shift))], c[j], one);
    }
  }
}

// The place of a sum in a table.
function at(z) {
  return z < -4096 ? 0 : z > 4095 ? 8191 : z + 4096;
}

// A memory cell after its gates, which an Int16Array must hold.
function remembered(i, f, g, c) {
  const next = (f * c + ((i * g) >> 4) + 16384) >> 15;
  return next < -32768 ? -32768 : next > 32767 ? 32767 : next;
}

// The output of a memory cell, through its gate.
function shown(o, c, one) {
  return (((o * TANH[at((c + 2) >> 2)]) >> 15) * one + 16384) >> 15;
}
