// What a network of one row remembers, and its last parameters: arrays side by side, which can be saved as bytes.

const ALIGNED = 8;

// The name, type and length of each array.
function* arrays({ layers, attention, output, fine }) {
  yield ["parameters", output.whole ? Int32Array : Float64Array, output.width];
  for (const { name, cell, width } of layers) {
    yield [`${name}.h`, fine ? Int16Array : Int8Array, width];
    if (cell !== "rnn") yield [`${name}.c`, Int16Array, width];
  }
  if (attention) {
    yield ["kappa", Float64Array, attention.components];
    yield ["attended", Int16Array, attention.width];
  }
}

const room = ([, kind, length]) => Math.ceil((kind.BYTES_PER_ELEMENT * length) / ALIGNED) * ALIGNED;

// How many bytes it takes.
export function size(program) {
  return Array.from(arrays(program), room).reduce((one, other) => one + other, 0);
}

export class State {
  // buffer, begin: where it is to be.
  constructor(program, buffer = new ArrayBuffer(size(program)), begin = 0) {
    this.bytes = new Uint8Array(buffer, begin, size(program));
    this.parts = {};
    let at = begin;
    for (const each of arrays(program)) {
      const [name, kind, length] = each;
      this.parts[name] = new kind(buffer, at, length);
      at += room(each);
    }
  }

  get parameters() {
    return this.parts.parameters;
  }

  // Forgets everything.
  reset() {
    this.bytes.fill(0);
  }

  // A copy, which `load` takes back.
  save() {
    return this.bytes.slice();
  }

  load(saved) {
    this.bytes.set(saved);
  }
}
