// How a model draws the next value.

import { NegativeBinomial } from "../heads/negative_binomial.js";
import { Student } from "../heads/student.js";

// codec: as series.js has it.
export function headOf({ counts, kind }) {
  const law = counts ? new NegativeBinomial() : new Student();
  return {
    draw(parameters, { sampling: { temperature }, randomness, recent }) {
      const how = { uniform: () => randomness.uniform(), temperature, frame: kind.after(recent.at(-1)) };
      return law.draw(law.distribution(parameters), how).step;
    },
  };
}
