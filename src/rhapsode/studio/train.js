// Training: a new one (begin.js), one that goes on or has ended (watched.js), several side by side (compare.js).

import { Begin } from "./begin.js";
import { Compare } from "./compare.js";
import { Watched } from "./watched.js";

export const styles = ["studio/train.css", "studio/curve.css"];

export function open(main, { shelf, rest }) {
  const [name, ...more] = rest;
  if (name === "compare" && more.length) return new Compare(main, shelf, more);
  return name ? new Watched(main, shelf, name) : new Begin(main, shelf);
}
