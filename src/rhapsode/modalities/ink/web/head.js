// How a model draws the pen's next move.

import { Mixture } from "../heads/mixture.js";

export function headOf({ head, codec }) {
  const mixture = new Mixture({ ...head, returns: codec.returns });
  return {
    draw: (parameters, { sampling: { bias }, randomness }) =>
      mixture.draw(mixture.distribution(parameters), { uniform: () => randomness.uniform(), bias }).step,
  };
}
