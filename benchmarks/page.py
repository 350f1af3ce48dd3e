"""How fast models run in pages: steps a second in node, which has the engine of Chromium.

    python benchmarks/page.py [--size 1x384 --size 2x512] [--rounds 40]

Untrained models of text (V = 101, embedding 32), as in `benchmarks/arithmetic.py speed`: one row, in JavaScript and in
each variant of the kernel in WebAssembly. `step` is the network alone, `draw` generation with drawing. All take turns
of 50 ms in one process, and the fastest counts. It also says how large the page is, and how long its model
takes to load.
"""

from __future__ import annotations

import argparse
import json
import string
import subprocess

from rhapsode import registry
from rhapsode.arithmetic.kernel import HERE
from rhapsode.config import NetworkConfig
from rhapsode.demos.bench import untrained
from rhapsode.export._model import packed
from rhapsode.export._target import Order
from rhapsode.export.page import make
from rhapsode.modalities.text.web import policy

SCRIPT = """
import { readFileSync } from "node:fs";
const use = (name) => import(process.argv[1] + name);
const { Choice } = await use("arithmetic/choice.js");
const { Network } = await use("arithmetic/kernel.js");
const { Randomness } = await use("arithmetic/randomness.js");
const { CompiledNetwork, loaded } = await use("arithmetic/wasm.js");
const { unpacked } = await use("export/page/model.js");
const { about, tensors } = unpacked(new Uint8Array(readFileSync(0)));
const kernel = readFileSync(new URL(process.argv[1] + "arithmetic/kernel.wasm"));
const begun = performance.now();
await loaded(about.program, tensors, kernel);
const load = performance.now() - begun;
const networks = { JavaScript: new Network(about.program, tensors) };
const module = new WebAssembly.Module(kernel);
for (let variant = 0, count = 1; variant < count; variant++) {
  const { exports } = new WebAssembly.Instance(module);
  count = exports.rk_variants();
  const one = new CompiledNetwork(about.program, tensors, exports, variant);
  networks[`WebAssembly (${one.variant})`] = one;
}
const random = new Randomness(1);
const works = {
  step: (network, symbol) => network.read((symbol + 1) % 97) && symbol + 1,
  draw: (network, symbol) => new Choice(network.read(symbol)).draw(random.word()),
};
const best = Object.fromEntries(Object.keys(networks).map((name) => [name, { step: 0, draw: 0 }]));
for (let round = 0; round < Number(process.argv[2]); round++) {
  for (const [name, network] of Object.entries(networks)) {
    for (const [work, step] of Object.entries(works)) {
      let symbol = 0, steps = 0;
      const start = performance.now();
      for (; performance.now() < start + 50; steps += 20) for (let n = 0; n < 20; n++) symbol = step(network, symbol);
      best[name][work] = Math.max(best[name][work], (1000 * steps) / (performance.now() - start));
    }
  }
}
console.log(JSON.stringify({ load, best }));
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", action="append")
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    for size in options.size or ["1x384", "2x512"]:
        layers, width = map(int, size.split("x"))
        codec = registry.get("codec", "chars").fit([4 * string.printable[:-5].encode()])
        model = untrained(codec, NetworkConfig(layers=layers, width=width, embedding=32)).quantised()
        data = packed(model, policy(model))
        call = ["node", "--input-type=module", "-e", SCRIPT, f"{HERE.parent.as_uri()}/", str(options.rounds)]
        found = json.loads(subprocess.run(call, input=data, capture_output=True, check=True).stdout)
        page = make(Order(model, "page.html"))["page.html"]
        print(f"{size}: a page of {len(page):,} bytes, which loads in {found['load']:.0f} ms; steps a second")
        for name, rates in found["best"].items():
            print(f"  {name:<22} {'   '.join(f'{work} {rate:>8,.0f}' for work, rate in rates.items())}")


if __name__ == "__main__":
    main()
