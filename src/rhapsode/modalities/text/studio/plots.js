// Pictures of what units hold: over the text, a unit beside another, the state's path, how often gates are open.

const EDGE = 8; // pixels around the points of a picture
const TITLE = 20; // pixels above a curve
const NEAR = 20; // pixels from a point, at the most, that it is pointed at

// A canvas with its pen, in CSS pixels, and the page's colours.
function begun(canvas) {
  const scale = devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  return { pen, width, height, colour };
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

// The values of a unit in a row. shades: of each, from -1 to 1.
export function strip(canvas, shades) {
  const pen = canvas.getContext("2d");
  const [high, low] = ["hot", "cold"].map(colour);
  const wide = canvas.width / shades.length;
  shades.forEach((shade, n) => {
    pen.globalAlpha = Math.abs(shade);
    pen.fillStyle = shade > 0 ? high : low;
    pen.fillRect(n * wide, 0, Math.ceil(wide), canvas.height);
  });
}

// A unit over the text, and below it the surprise of each token. shades: from -1 to 1. bits: of each token. lines: at
// which shades there are lines. titles: of the two curves. step: the one that is pointed at.
export function curves(canvas, { shades, bits, lines, titles, step }) {
  const { pen, width, height } = begun(canvas);
  const cut = Math.round(height * 0.64);
  const x = (n) => ((n + 0.5) * width) / shades.length;
  const middle = (cut + TITLE) / 2;
  const y = (shade) => middle - shade * (middle - TITLE - 4);
  const most = Math.max(4, ...bits);
  const up = (bit) => height - 2 - (bit / most) * (height - cut - TITLE);
  if (step !== null) {
    pen.fillStyle = colour("some");
    pen.fillRect(x(step) - Math.max(3, width / shades.length / 2), 0, Math.max(6, width / shades.length), height);
  }
  pen.strokeStyle = colour("line");
  pen.beginPath();
  for (const at of [...lines.map(y), cut]) {
    pen.moveTo(0, at);
    pen.lineTo(width, at);
  }
  pen.stroke();
  const draw = (values, at, name) => {
    pen.strokeStyle = colour(name);
    pen.lineWidth = 1.25;
    pen.beginPath();
    values.forEach((value, n) => pen.lineTo(x(n), at(value)));
    pen.stroke();
  };
  draw(shades, y, "accent");
  draw(bits, up, "hot");
  pen.fillStyle = colour("quiet");
  pen.font = "12px system-ui, sans-serif";
  pen.fillText(titles[0], 6, 14);
  pen.fillText(titles[1], 6, cut + 14);
}

// The number of the step at a place of `curves`.
export const stepAt = (canvas, count, { offsetX }) =>
  Math.max(0, Math.min(count - 1, Math.floor((offsetX / canvas.clientWidth) * count)));

// The path through points [steps, 2], from pale to dark. Returns where they are: [x, y].
export function path(canvas, points, step) {
  const { pen, width, height } = begun(canvas);
  const steps = points.length / 2;
  const ends = [0, 1].map((k) => {
    let [least, most] = [Infinity, -Infinity];
    for (let n = 0; n < steps; n++) {
      least = Math.min(least, points[2 * n + k]);
      most = Math.max(most, points[2 * n + k]);
    }
    return [least, most - least || 1];
  });
  const along = (n, k, size) => EDGE + ((points[2 * n + k] - ends[k][0]) / ends[k][1]) * (size - 2 * EDGE);
  const places = Array.from({ length: steps }, (_, n) => [along(n, 0, width), along(n, 1, height)]);
  pen.lineWidth = 1;
  pen.strokeStyle = colour("accent");
  for (let n = 1; n < steps; n++) {
    pen.globalAlpha = 0.12 + (0.75 * n) / steps;
    pen.beginPath();
    pen.moveTo(...places[n - 1]);
    pen.lineTo(...places[n]);
    pen.stroke();
  }
  pen.globalAlpha = 1;
  if (step !== null && places[step]) dot(pen, places[step], 5, colour("hot"));
  return places;
}

// Of each unit, how often its gate is closed (to the right) and open (upwards), as shares of the steps. Returns where
// the units are: [x, y].
export function saturation(canvas, { open, closed, unit, titles }) {
  const { pen, width, height } = begun(canvas);
  const [left, low] = [26, height - 26];
  const places = open.map((share, n) => [left + closed[n] * (width - left - EDGE), low - share * (low - EDGE)]);
  pen.strokeStyle = colour("line");
  pen.beginPath();
  pen.moveTo(left, EDGE);
  pen.lineTo(left, low);
  pen.lineTo(width - EDGE, low);
  pen.moveTo(left, EDGE); // no unit is beyond this line: open and closed are together one at the most
  pen.lineTo(width - EDGE, low);
  pen.stroke();
  pen.fillStyle = colour("quiet");
  pen.font = "12px system-ui, sans-serif";
  pen.textAlign = "right";
  pen.fillText(titles[0], width - EDGE, height - 8);
  pen.save();
  pen.rotate(-Math.PI / 2);
  pen.fillText(titles[1], -EDGE, 16);
  pen.restore();
  pen.globalAlpha = 0.55;
  for (const at of places) dot(pen, at, 3, colour("accent"));
  pen.globalAlpha = 1;
  if (places[unit]) dot(pen, places[unit], 5.5, colour("hot"));
  return places;
}

function dot(pen, [x, y], radius, fill) {
  pen.fillStyle = fill;
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.fill();
}

// The number of the place that is nearest to where one points at; null if none is near.
export function nearest(places, { offsetX, offsetY }) {
  let [best, least] = [null, NEAR ** 2];
  places.forEach(([x, y], n) => {
    const distance = (x - offsetX) ** 2 + (y - offsetY) ** 2;
    if (distance < least) [best, least] = [n, distance];
  });
  return best;
}
