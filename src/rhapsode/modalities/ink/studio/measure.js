// From the sheet that one writes on to the units of a model, and back.

const median = (values) => values.sort((one, other) => one - other)[Math.floor(values.length / 2)];

// Of drawings of a model: the usual distance of two points of a stroke, and the longer side of a drawing.
export function measured(samples) {
  const distances = [];
  const sizes = [];
  for (const { strokes } of samples) {
    for (const stroke of strokes) stroke.slice(1).forEach(([x, y], n) => distances.push(Math.hypot(x - stroke[n][0], y - stroke[n][1])));
    sizes.push(Math.max(...[0, 1].map((axis) => spread(strokes.flat().map((point) => point[axis])))));
  }
  return { step: median(distances.filter(Boolean)) || 1, size: median(sizes) || 1 };
}

const spread = (values) => values.reduce((a, b) => Math.max(a, b), -Infinity) - values.reduce((a, b) => Math.min(a, b), Infinity);

// The stroke with a point after each `step` of its length: a pen gives many more than a model draws.
export function thinned(points, step) {
  const found = [points[0]];
  let left = step;
  for (let n = 1; n < points.length; n++) {
    let [x, y] = points[n - 1];
    const [a, b] = points[n];
    for (let far = Math.hypot(a - x, b - y); far >= left && found.length < 5000; far = Math.hypot(a - x, b - y)) {
      x += ((a - x) * left) / far;
      y += ((b - y) * left) / far;
      found.push([x, y]);
      left = step;
    }
    left -= Math.hypot(a - x, b - y);
  }
  const [end, last] = [points.at(-1), found.at(-1)];
  if (points.length > 1 && Math.hypot(end[0] - last[0], end[1] - last[1]) > step / 4) found.push(end);
  return found;
}

// What the model drew itself: its strokes without those points that were given. As lists of points.
export function ending({ strokes, order, log_probs: drawn }) {
  const given = strokes.flat().length - drawn.length;
  const found = [];
  strokes.forEach((stroke, n) => {
    let run = null;
    stroke.forEach((point, at) => {
      if (order[n][at] < given) run = null;
      else if (run) run.push(point);
      else found.push((run = at ? [stroke[at - 1], point] : [point]));
    });
  });
  return found;
}
