// The network run by the kernel in WebAssembly: several times as fast as the one in JavaScript, with the same bits.

import { Heap, fields, image } from "./image.js";
import { Network } from "./kernel.js";
import { State, size } from "./state.js";

const TRIED = 8; // steps for which both are compared when a model is loaded
const RUN = [
  "steps", "rows", "symbols", "values", "covariates", "fresh", "text", "lengths", "longest", "state", "logits", "parameters",
  "attention", "next", "nats",
];

// The network of a program, and what computes it, in words. kernel: bytes of kernel.wasm. Where WebAssembly cannot be had,
// or does not compute as it should, JavaScript computes.
export async function loaded(program, tensors, kernel) {
  const plain = new Network(program, tensors);
  const fallen = (why) => {
    console.info(`JavaScript computes, several times slower than WebAssembly: ${why}.`);
    return { network: plain, engine: "JavaScript" };
  };
  if (!known(program)) return fallen("the kernel does not know such networks");
  try {
    const { instance } = await WebAssembly.instantiate(kernel, {});
    const network = new CompiledNetwork(program, tensors, instance.exports);
    if (!agree(plain, network, program)) return fallen("the kernel gave other numbers");
    return { network, engine: `WebAssembly (${network.variant})` };
  } catch (error) {
    return fallen(error.message);
  }
}

// Whether the kernel can run such a program.
export function known({ layers, output, attention }) {
  return !attention && output.activations.length > 0 && layers.every(({ activations }) => activations.length > 0);
}

// Whether two networks give the same for some random steps.
function agree(one, other, program) {
  const { embedding, covariates } = program;
  let seed = 1;
  const whole = (below) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  const real = (length) => Array.from({ length }, () => whole(4096) / 1024 - 2);
  const step = () => {
    if (!embedding) return 0;
    if (embedding.symbols) return whole(embedding.symbols);
    if (embedding.kind === "numbers") return real(embedding.width);
    return embedding.begins.map((begin, n) => whole((embedding.begins[n + 1] ?? embedding.width) - begin));
  };
  for (let n = 0; n < TRIED; n++) {
    const [read, known] = [step(), real(covariates)];
    const expected = one.read(read, known), found = other.read(read, known);
    if (expected.some((value, at) => value !== found[at])) return false;
  }
  one.state.reset();
  other.state.reset();
  return true;
}

// One row of a network, as `Network` in kernel.js.
export class CompiledNetwork {
  // kernel: what its instance exports. variant: the number of one; the best by itself.
  constructor(program, tensors, kernel, variant = kernel.rk_variants() - 1) {
    const { layers, output, embedding, covariates } = program;
    const heap = new Heap(kernel);
    const model = image(program, tensors, kernel, heap, variant);
    const work = heap.take(kernel.rk_memory(model, 1, 0));
    const input = heap.take(4 * fields(embedding)), known = heap.take(4 * covariates), state = heap.take(size(program));
    const parts = heap.take(8 * layers.length), run = heap.take(4 * RUN.length);
    const { buffer } = kernel.memory; // from here on, it does not grow
    this.state = new State(program, buffer, state);
    const own = layers.flatMap(({ name }) => [`${name}.h`, `${name}.c`]).map((name) => this.state.parts[name]);
    new Uint32Array(buffer, parts, 2 * layers.length).set(own.filter(Boolean).map(({ byteOffset }) => byteOffset));
    const symbols = !embedding || embedding.kind !== "numbers";
    const asked = {
      steps: 1, rows: 1, [symbols ? "symbols" : "values"]: input, covariates: covariates ? known : 0, state: parts,
      [output.whole ? "logits" : "parameters"]: this.state.parameters.byteOffset,
    };
    new Uint32Array(buffer, run, RUN.length).set(RUN.map((name) => asked[name] ?? 0));
    this.variant = text(buffer, kernel.rk_variant_name(variant));
    this._input = new (symbols ? Int32Array : Float32Array)(buffer, input, fields(embedding));
    this._most = symbols ? null : embedding.most ?? Infinity;
    this._known = new Float32Array(buffer, known, covariates);
    this._run = () => kernel.rk_run(model, work, run);
  }

  read(step, covariates = []) {
    const input = this._input, most = this._most;
    if (typeof step === "number") input[0] = step;
    else for (let n = 0; n < input.length; n++) input[n] = most === null ? step[n] : Math.min(Math.max(step[n], -most), most);
    this._known.set(covariates);
    this._run();
    return this.state.parameters;
  }
}

// A string that ends with a zero.
function text(buffer, address) {
  const bytes = new Uint8Array(buffer, address);
  return String.fromCharCode(...bytes.subarray(0, bytes.indexOf(0)));
}
