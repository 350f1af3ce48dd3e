// Lines that were drawn one by one, below one another as one drawing. The twin of `ink.writing.stacked`.

import { bounds, metrics } from "./metrics.js";

const LINE_HEIGHT = 4; // x-heights

// drawn: drawings; placed: of each {above, indent}, as `lines` in texts.js gives it; hand: that of the codec.
export function stacked(drawn, placed, hand) {
  if (drawn.length === 1) return drawn[0];
  const found = { points: [], ends: [], text: drawn.map(({ text }) => text).join("\n"), order: [] };
  let row = -1;
  drawn.forEach((drawing, n) => {
    const { above, indent } = placed[n];
    row += 1 + (Number.isFinite(above) ? above : 1);
    const begin = found.points.length;
    const [x, y] = [indent * hand.advance, row * LINE_HEIGHT * hand.xHeight];
    found.points.push(...alone(drawing, hand).map((point) => [point[0] + x, point[1] + y]));
    found.ends.push(...drawing.ends.map((end, at) => end || at === drawing.ends.length - 1));
    if (drawing.order && found.order) found.order.push(...drawing.order.map((at) => at + begin));
    else if (drawing.points.length) found.order = null;
  });
  return found;
}

// The points of a line whose left end and base line are at 0.
function alone(drawing, hand) {
  if (!drawing.points.length) return [];
  const [low, , high, bottom] = bounds(drawing);
  const known = metrics(drawing, hand.xHeight);
  const base = known ? known.baseline + (known.slope * (low + high)) / 2 : bottom; // a dash has no height
  return drawing.points.map(([x, y]) => [x - low, y - base]);
}
