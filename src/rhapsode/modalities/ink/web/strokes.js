// Moves of a pen → a drawing: points [x, y], and where the pen is lifted. The twin of the codec `strokes`.

import { rint } from "../../../arithmetic/doubles.js";
import { symbols } from "./texts.js";

const DOWN = 0;
const BACK = -1;
const SLACK = 2.5; // a text is ended after so many times the steps that such a text has in the mean,
const SPARE = 50; // and so many more

export class Strokes {
  // data: what the model file says of its codec.
  constructor({ mean, sd, alphabet, pace, hand, returns = false }) {
    this.alphabet = alphabet;
    this.hand = hand && { xHeight: hand[0], advance: hand[1], longest: hand[2] };
    this._mean = mean;
    this._sd = sd;
    this._pace = pace;
    this._returns = returns;
  }

  // What the network attends to, and how many steps there are at the most.
  begin(text) {
    if (!this.alphabet) return { text: null, length: 500 };
    const found = symbols(text, this.alphabet);
    return { text: found, length: rint((SLACK * found.length) / this._pace) + SPARE };
  }

  ends([, , pen]) {
    return pen > 1.5;
  }

  decode(steps, text = null) {
    const points = [[0, 0]];
    const pen = [DOWN];
    let [x, y] = [0, 0];
    for (const [across, down, lift] of steps) {
      x += across * this._sd[0] + this._mean[0];
      y += down * this._sd[1] + this._mean[1];
      points.push([x, y]);
      pen.push(Math.round(lift));
    }
    return { text, ...(this._returns ? apart(points, pen) : { points, ends: pen.map((one) => one !== DOWN), order: null }) };
  }
}

// First point of each stroke, and the one after its last; what was never ended counts as one.
export function strokes(ends) {
  const found = [];
  let first = 0;
  ends.forEach((end, at) => {
    if (!end) return;
    found.push([first, at + 1]);
    first = at + 1;
  });
  if (first < ends.length) found.push([first, ends.length]);
  return found;
}

// Dots and bars that were drawn with their letters, put behind the strokes that they interrupt: see `ink.delayed`.
function apart(points, pen) {
  let moved = [0, 0];
  let goesOn = false;
  const whole = []; // of each stroke its parts, and the marks that interrupted it
  for (const [first, stop] of strokes(pen.map((one) => one !== DOWN))) {
    const part = [];
    for (let at = first; at < stop; at++) {
      points[at] = [points[at][0] + moved[0], points[at][1] + moved[1]];
      part.push(at);
    }
    if (goesOn) {
      whole.at(-1).parts.push(part);
      goesOn = false;
    } else if (pen[stop - 1] === BACK && whole.length) {
      whole.at(-1).marks.push(part);
      const [left, back] = [points[whole.at(-1).parts.at(-1).at(-1)], points[stop - 1]];
      moved = moved.map((by, axis) => by + left[axis] - back[axis]);
      goesOn = true;
    } else whole.push({ parts: [part], marks: [] });
  }
  const drawn = whole.flatMap(({ parts, marks }) => [parts.flat(), ...marks]);
  const order = drawn.flat();
  const ends = drawn.flatMap((part) => part.map((_, at) => at === part.length - 1));
  if (order.at(-1) === points.length - 1 && pen.at(-1) === DOWN) ends[ends.length - 1] = false; // it breaks off
  const came = new Array(order.length);
  order.forEach((from, at) => (came[from] = at));
  return { points: order.map((at) => points[at]), ends, order: came };
}
