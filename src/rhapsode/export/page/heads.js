// How a step is drawn from the parameters of its distribution, by heads that any modality may use.
//
// draw(parameters, { sampling, randomness, recent, mask }) gives a step. A modality's own heads do the same in its
// page.

import { Choice } from "../../arithmetic/choice.js";
import { clamp, rint } from "../../arithmetic/doubles.js";
import { Adaptive } from "../../nn/heads/adaptive.js";
import { Bernoulli } from "../../nn/heads/bernoulli.js";
import { Chain } from "../../nn/heads/chain.js";
import { Nade } from "../../nn/heads/nade.js";

const LARGEST = 2 ** 20; // of a logit

const symbolOf = (logits, { sampling, randomness }, recent, mask) =>
  new Choice(logits).adjust(sampling, recent, mask).draw(randomness.word());

// What makes logits of the parameters of a distribution of symbols. about: of the model.
export function logitsOf({ head, symbols }, tensors) {
  if (head.name === "categorical") return (parameters) => parameters;
  const adaptive = new Adaptive({ ...symbols, ...head }, tensors);
  return (parameters) => adaptive.distribution(parameters);
}

const symbols = (logits) => ({
  draw: (parameters, how) => symbolOf(logits(parameters), how, how.recent, how.mask),
});

// sizes: of the fields.
function tuples(sizes) {
  const begins = sizes.map((_, n) => sizes.slice(0, n).reduce((one, other) => one + other, 0));
  const field = (parameters, how, n) => {
    const part = [begins[n], begins[n] + sizes[n]];
    return symbolOf(parameters.slice(...part), how, [], how.mask?.slice(...part));
  };
  return { draw: (parameters, how) => sizes.map((_, n) => field(parameters, how, n)) };
}

function chain(sizes, weights) {
  const head = new Chain({ sizes, ...weights });
  return {
    draw(parameters, how) {
      const { step } = head.draw(head.distribution(parameters), (nats, first) => {
        const logits = Int32Array.from(nats, (one) => rint(1024 * clamp(one, -LARGEST / 1024, LARGEST / 1024)));
        return { symbol: symbolOf(logits, how, [], how.mask?.slice(first, first + nats.length)) };
      });
      return step;
    },
  };
}

const sets = (head) => ({
  draw: (parameters, { sampling: { temperature }, randomness, mask }) =>
    head.draw(head.distribution(parameters), { uniform: () => randomness.uniform(), temperature, mask }).step,
});

// The head of a model. steps: { sizes } of tuples; { size, places } of sets.
export function headOf(about, tensors, steps) {
  const { name, hidden } = about.head;
  const rows = (part) => {
    const all = tensors[`head.${part}`];
    return Array.from({ length: all.length / hidden }, (_, n) => all.subarray(n * hidden, (n + 1) * hidden));
  };
  const weights = hidden && { into: rows("into"), out: rows("out") };
  const known = {
    categorical: () => symbols(logitsOf(about, tensors)),
    adaptive: () => symbols(logitsOf(about, tensors)),
    product: () => tuples(steps.sizes),
    chain: () => chain(steps.sizes, weights),
    bernoulli: () => sets(new Bernoulli(steps)),
    nade: () => sets(new Nade({ ...steps, ...weights })),
  };
  return known[name]();
}
