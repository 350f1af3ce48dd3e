// The network in whole numbers, in plain JavaScript. docs/arithmetic.md, "The network".

import { Activations, COARSE, FINE, NUMBER, Numbers, Scaled, number, whole } from "./products.js";
import { State } from "./state.js";
import { SIGMOID, TANH } from "./tables.js";
import { Window } from "./window.js";

const REMEMBERED = 4096; // symbols whose share in the sums of a layer is kept
const EMBEDDING = "embedding", COVARIATES = "covariates", ATTENDED = "attended";

// One row of a network: it reads steps, and gives the parameters of the distribution of the next one.
export class Network {
  // program: what is computed, as `rhapsode.export._model` writes it. tensors: name → typed array.
  constructor(program, tensors) {
    const { layers, attention, steering, output, embedding, fine } = program;
    this.state = new State(program);
    const { parts, parameters } = this.state;
    this._numbers = { [COVARIATES]: new Int16Array(program.covariates), [ATTENDED]: parts.attended };
    this._layers = layers.map((layer) => new Layer(layer, tensors, parts, fine));
    this._window = attention && new Window(attention, parts.kappa);
    this._steering = attention && new Linear(steering, tensors, parts, fine, new Float64Array(steering.width));
    this._output = new Linear(output, tensors, parts, fine, parameters);
    this._embedding = embedding && new Embedding(embedding, tensors);
    this.text = null; // the symbols that are attended to: whole numbers
  }

  // Reads a step: the parameters of the next, Int32Array of logits or Float64Array. They are `parameters`, too, which the
  // next call overwrites.
  // step: a symbol, the fields of a tuple, or real numbers. covariates: of the next step, real numbers.
  read(step, covariates = []) {
    const numbers = this._numbers;
    for (let k = 0; k < covariates.length; k++) numbers[COVARIATES][k] = number(covariates[k]);
    this._layers.forEach((layer, n) => {
      layer.read(step, this._embedding, numbers);
      if (n === 0 && this._window) this._window.move(this._steering.read(numbers), this.text, numbers[ATTENDED]);
    });
    return this._output.read(numbers);
  }

  // How much of each symbol of the text was seen at the last step: Float64Array.
  get attention() {
    return this._window.weights;
  }
}

// Steps as numbers that are read.
export class Embedding {
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
export function matrix(name, tensors, fine) {
  const weights = tensors[name], scale = tensors[`${name}.scale`];
  if (scale) return new Scaled(weights, scale);
  const kind = weights instanceof Int8Array ? Activations : Numbers;
  return new kind(weights, tensors[`${name}.multiplier`], tensors[`${name}.shift`][0], fine);
}

// What a layer reads of others.
class Kernel {
  constructor({ name, activations }, tensors, parts, fine) {
    this._matrix = matrix(`${name}.kernel`, tensors, fine);
    this._sources = activations.map((source) => parts[`${source}.h`]);
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

// A linear layer, which gives `out`.
class Linear {
  constructor(layer, tensors, parts, fine, out) {
    this._bias = tensors[`${layer.name}.bias`];
    this._out = out;
    const recurrent = layer.activations.length;
    this._matrix = recurrent ? new Kernel(layer, tensors, parts, fine) : matrix(`${layer.name}.${COVARIATES}`, tensors);
  }

  read(numbers) {
    this._out.set(this._bias);
    this._matrix.addTo(this._out, numbers[COVARIATES]);
    return this._out;
  }
}

// A recurrent layer. Its output h and its memory cells c are parts of the state.
class Layer {
  constructor(layer, tensors, parts, fine) {
    const { name, numbers } = layer;
    this._bias = tensors[`${name}.bias`];
    this._z = new Int32Array(this._bias.length);
    this._kernel = new Kernel(layer, tensors, parts, fine);
    this._embedded = numbers.includes(EMBEDDING) ? matrix(`${name}.${EMBEDDING}`, tensors) : null;
    this._others = numbers.filter((source) => source !== EMBEDDING).map((source) => [source, matrix(`${name}.${source}`, tensors)]);
    this._shares = new Map();
    this._one = fine ? FINE : COARSE;
    this._h = parts[`${name}.h`];
    this._c = parts[`${name}.c`];
    this._peephole = tensors[`${name}.peephole`];
    this._peepholeShift = this._peephole && tensors[`${name}.peephole.shift`][0];
  }

  read(step, embedding, numbers) {
    const z = this._z;
    z.set(this._embedded ? this._share(step, embedding) : this._bias);
    for (const [source, rows] of this._others) rows.addTo(z, numbers[source]);
    this._kernel.addTo(z);
    if (!this._c) this._tanh();
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
