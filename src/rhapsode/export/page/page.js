// What exported pages have: their model.

import { bytes, unpacked } from "./model.js";
import { loaded } from "../../arithmetic/wasm.js";
import { $, element } from "./dom.js";

// The page's model: { about, tensors, network, engine }. engine: what computes, in words.
export async function model() {
  try {
    const { about, tensors } = unpacked(bytes($("model").textContent));
    const { network, engine } = await loaded(about.program, tensors, bytes($("kernel").textContent));
    describe(about, engine);
    return { about, tensors, network, engine };
  } catch (error) {
    $("facts").textContent = `This browser cannot run the page: ${error.message}`;
    throw error;
  }
}

function describe({ name, digest, licence, network, parameters, facts }, engine) {
  const data = (facts.sources ?? []).join(", ");
  const shown = [network, `${parameters.toLocaleString("en")} weights`, ...(data ? [`learnt from ${data}`] : [])];
  $("facts").textContent = shown.join(" · ");
  const said = {
    Model: name,
    Network: network,
    "Learnt from": data,
    Licence: licence || "not said",
    Digest: digest.slice(0, 16),
    Runs: engine,
  };
  for (const [key, value] of Object.entries(said).filter(([, each]) => each)) {
    $("about").append(element("dt", {}, key), element("dd", {}, value));
  }
}
