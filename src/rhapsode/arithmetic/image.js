// A model in the memory of the kernel in WebAssembly: the twin of `rhapsode.nn.layout`, and of the structures of kernel.c.

import { Embedding, matrix } from "./kernel.js";
import { FREQUENCY, SIGMOID, TANH } from "./tables.js";

const LINE = 64; // bytes: places are counted in lines from the image's beginning
const SUMS = 64, UNITS = 16; // sums in a group of a layer; units in a group of one that has gates
const LARGEST_TABLE = 2 ** 20; // entries of a table of all symbols' shares in a layer's sums
const SOURCES = { embedding: -1, covariates: -2, attended: -3 };
const ACTIVATIONS = 0, NUMBERS = 1, HOT = 2, TABLE = 3; // forms of parts
const CELLS = { lstm: 0, peephole: 1, rnn: 2 };
const LOGITS = 3, DOUBLES = 4;

// Memory of an instance that is given out piece by piece, each at the beginning of a line.
export class Heap {
  constructor({ memory, __heap_base: base }) {
    this._memory = memory;
    this._end = Math.ceil(base.value / LINE) * LINE;
  }

  get end() {
    return this._end;
  }

  // Room for so many bytes, zeros: its address.
  take(bytes) {
    const address = this._end;
    this._end += Math.ceil(bytes / LINE) * LINE + LINE;
    this.reach(this._end);
    return address;
  }

  // Makes sure that there is memory up to an address.
  reach(address) {
    const lacking = address - this._memory.buffer.byteLength;
    if (lacking > 0) this._memory.grow(Math.ceil(lacking / 65536));
  }

  put(values) {
    const address = this.take(values.byteLength);
    this.view(values.constructor, address, values.length).set(values);
    return address;
  }

  // A view, until memory grows.
  view(kind, address, length) {
    return new kind(this._memory.buffer, address, length);
  }
}

// Puts a model into the heap of the kernel's instance. Returns its address.
export function image(program, tensors, kernel, heap, variant) {
  return new Image(program, tensors, kernel, heap, variant).address;
}

// How many numbers a step consists of, or how many one-hot values.
export function fields(embedding) {
  if (!embedding) return 1;
  return embedding.kind === "numbers" ? embedding.width : embedding.begins?.length ?? 1;
}

class Image {
  constructor(program, tensors, kernel, heap, variant) {
    const { layers, steering, output, attention, embedding, fine } = program;
    const flip = fine ? 0 : kernel.rk_flip(variant);
    Object.assign(this, { program, tensors, kernel, heap, variant, flip, parts: [], embedded: 0 });
    this.numbers = new Map(layers.map(({ name }, n) => [name, n]));
    this.embedding = embedding && new Embedding(embedding, tensors);
    this.address = heap.take(4 * 20);
    const all = [...layers, ...(steering ? [steering] : []), output].map((layer) => this._layer(layer));
    const head = [
      variant, fine, flip, layers.length, steering !== null, program.feedback, output.width, output.whole,
      fields(embedding), this.embedded, program.covariates, attention?.width ?? 0, attention?.components ?? 0,
      this._put(Int32Array.from(all.flat())), this._put(Int32Array.from(this.parts.flat())),
      this._put(SIGMOID), this._put(TANH), this._put(FREQUENCY), this._put(this._table()),
      this._put(Int32Array.from(embedding?.begins ?? [])),
    ];
    heap.view(Int32Array, this.address, head.length).set(head.map(Number));
  }

  // The place of an array.
  _put(values) {
    this.heap.take(0); // a line before it is free, too
    return (this.heap.put(values) - this.address) / LINE;
  }

  // Symbols as numbers that are read, where there is no table of shares for them.
  _table() {
    if (!this.embedded || !this.program.embedding.symbols) return new Int16Array(0);
    const row = Math.ceil(this.embedded / 32) * 32;
    const found = new Int16Array(row * this.program.embedding.symbols);
    for (let symbol = 0; symbol * row < found.length; symbol++) found.set(this.embedding.of(symbol), symbol * row);
    return found;
  }

  _layer(layer) {
    const { name, cell, width, whole, activations } = layer;
    const gates = cell === "lstm" || cell === "peephole" ? 4 : 1;
    const groups = Math.ceil(width / (gates === 4 ? UNITS : SUMS));
    const order = new Int32Array(groups * SUMS).fill(-1);
    for (let gate = 0; gate < gates; gate++) {
      for (let unit = 0; unit < width; unit++) {
        const place = gates === 4 ? Math.floor(unit / UNITS) * SUMS + gate * UNITS + (unit % UNITS) : unit;
        order[place] = gate * width + unit;
      }
    }
    const first = this.parts.length, bias = this.tensors[`${name}.bias`];
    const numbers = layer.numbers.map((source) => this._number(layer, source, order, bias));
    const tables = numbers.some((part) => part[1] === TABLE);
    // A table, which has the bias in it, comes first; activations come last.
    this.parts.push(...numbers.sort((one, other) => (other[1] === TABLE) - (one[1] === TABLE)));
    const [start, multipliers, shift] = this._activations(layer, order);
    const peephole = this.tensors[`${name}.peephole`];
    return [
      cell ? CELLS[cell] : whole ? LOGITS : DOUBLES, width, groups, first, this.parts.length - first,
      Number(activations.at(-1) === name), Number(tables), shift, peephole ? this.tensors[`${name}.peephole.shift`][0] : 0,
      this._put(start), this._put(multipliers), this._put(ordered(bias, 1, order)), peephole ? this._peepholes(peephole, width, groups) : 0,
    ];
  }

  _peepholes(peephole, width, groups) {
    const found = new Int32Array(groups * 3 * UNITS);
    peephole.forEach((value, n) => {
      const unit = n % width;
      found[(Math.floor(unit / UNITS) * 3 + Math.floor(n / width)) * UNITS + (unit % UNITS)] = value;
    });
    return this._put(found);
  }

  // Adds the parts of activations. What their sums begin with, multipliers or scales, and the shift.
  _activations({ name, cell, whole, activations }, order) {
    const { tensors, program, flip } = this;
    const small = cell || whole;
    const weights = tensors[`${name}.kernel`], rows = tensors[`${name}.bias`].length, columns = weights.length / rows;
    let own = ordered(weights, columns, order);
    if (program.fine || !small) own = Int16Array.from(own);
    let begin = 0;
    for (const source of activations) {
      const number = this.numbers.get(source), { width } = program.layers[number];
      this.parts.push([number, ACTIVATIONS, width, 0, this._packed(own, order.length, columns, begin, width), 0]);
      begin += width;
    }
    const start = Int32Array.from(order, (_, n) => {
      let sum = 0;
      for (let k = 0; flip && small && k < columns; k++) sum -= flip * own[n * columns + k];
      return sum;
    });
    const scale = tensors[`${name}.kernel.scale`], multiplier = tensors[`${name}.kernel.multiplier`];
    return [start, ordered(scale ?? multiplier, 1, order), scale ? 1 : tensors[`${name}.kernel.shift`][0]];
  }

  // The part that reads a source of numbers.
  _number({ name }, source, order, bias) {
    const { tensors, program } = this;
    const own = `${name}.${source}`, weights = tensors[own], columns = weights.length / bias.length;
    const symbols = source === "embedding" ? program.embedding.symbols : 0;
    const multipliers = this._put(ordered(tensors[`${own}.multiplier`], 1, order));
    const part = (form, place) => [SOURCES[source], form, columns, tensors[`${own}.shift`][0], place, multipliers];
    if (symbols && symbols * order.length <= LARGEST_TABLE) {
      const table = new Int32Array(symbols * order.length), rows = matrix(own, tensors);
      for (let symbol = 0; symbol < symbols; symbol++) {
        const share = bias.slice();
        rows.addTo(share, this.embedding.of(symbol));
        table.set(ordered(share, 1, order), symbol * order.length);
      }
      return part(TABLE, this._put(table));
    }
    const all = ordered(weights, columns, order);
    if (source === "embedding" && program.embedding.kind === "one-hot") {
      const turned = new Int16Array(all.length);
      for (let n = 0; n < all.length; n++) turned[(n % columns) * order.length + Math.floor(n / columns)] = all[n];
      return part(HOT, this._put(turned));
    }
    if (source === "embedding") this.embedded = columns;
    return part(NUMBERS, this._packed(all, order.length, columns, 0, columns));
  }

  // The place of some columns of weights [rows, all], packed for the kernel's variant.
  _packed(weights, rows, all, begin, columns) {
    const { heap, kernel, variant } = this;
    const size = weights.BYTES_PER_ELEMENT;
    heap.take(0);
    const packed = heap.take(kernel.rk_packed(size, rows, columns));
    const raw = heap.end; // of no more use than this
    heap.reach(raw + size * rows * columns);
    const view = heap.view(weights.constructor, raw, rows * columns);
    for (let r = 0; r < rows; r++) view.set(weights.subarray(r * all + begin, r * all + begin + columns), r * columns);
    kernel.rk_pack(variant, raw, size, rows, columns, packed);
    view.fill(0);
    return (packed - this.address) / LINE;
  }
}

// Rows [columns] in another order; zeros where there are none.
function ordered(values, columns, order) {
  const found = new values.constructor(order.length * columns);
  order.forEach((row, n) => { if (row >= 0) found.set(values.subarray(row * columns, (row + 1) * columns), n * columns); });
  return found;
}
