// The kernel in WebAssembly, with the kernel in JavaScript behind it.

import { Network } from "./kernel.js";

// A network, and what computes it. kernel: bytes of kernel.wasm.
export async function loaded(program, tensors, kernel) {
  return { network: new Network(program, tensors), engine: "JavaScript" };
}
