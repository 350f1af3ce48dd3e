// A fan chart: the past, the middle of the paths, and a band between each level and the one as far from the other end.

const [LEFT, RIGHT, TOP, BOTTOM] = [58, 14, 12, 30];
const SEEN = 4; // times the horizon that is shown of the past
const FEWEST = 40;

const near = (value) => value.toFixed(1).replace(/\.0$/, "");

// An SVG. past: { values, time(place), said(time) }; quantiles: level → values; size: [width, height].
export function chart(past, quantiles, said, [width, height]) {
  const { values } = past;
  const horizon = Object.values(quantiles)[0].length;
  const first = Math.max(0, values.length - Math.max(SEEN * horizon, FEWEST));
  const shown = values.slice(first).flatMap((value, n) => (Number.isNaN(value) ? [] : [[first + n, value]]));
  const last = shown.at(-1);
  const ahead = Object.fromEntries(Object.entries(quantiles).map(([level, row]) => [level, [last, ...row.map((value, n) => [values.length + n, value])]]));
  const every = [...shown, ...Object.values(ahead).flat()].map(([, value]) => value);
  let [low, high] = [Math.min(...every), Math.max(...every)];
  if (low === high) [low, high] = [low - 1, high + 1];
  const x = (place) => LEFT + ((place - first) * (width - LEFT - RIGHT)) / Math.max(1, values.length + horizon - 1 - first);
  const y = (value) => TOP + ((high - value) * (height - TOP - BOTTOM)) / (high - low);
  const points = (row) => row.map(([place, value]) => `${near(x(place))} ${near(y(value))}`).join("L");
  const levels = Object.keys(ahead).map(Number).filter((level) => level < 0.5).sort((one, other) => one - other);
  const bands = levels.filter((level) => ahead[mirrored(level)]).map((level, rank) => {
    const edges = [...ahead[level], ...[...ahead[mirrored(level)]].reverse()];
    return `<path class="band b${Math.min(rank, 2)}" d="M${points(edges)}Z"/>`;
  });
  const rules = ticks(low, high, Math.max(2, Math.floor((height - TOP - BOTTOM) / 50))).map(
    (value) => `<line class="rule" x1="${LEFT}" x2="${width - RIGHT}" y1="${near(y(value))}" y2="${near(y(value))}"/>
<text class="value" x="${LEFT - 8}" y="${near(y(value) + 4)}" text-anchor="end">${short(value)}</text>`,
  );
  const total = values.length + horizon - first;
  const step = Math.max(1, Math.ceil(total / Math.max(2, Math.floor((width - LEFT - RIGHT) / 95))));
  const times = Array.from({ length: Math.ceil(total / step) }, (_, n) => first + n * step).filter((place) => x(place) < width - 40);
  const words = times.map((place) => `<text class="time" x="${near(x(place))}" y="${height - 8}" text-anchor="middle">${said(place)}</text>`);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="The past, and bands of what may come">`,
    ...rules, ...words, ...bands,
    `<line class="now" x1="${near(x(last[0]))}" x2="${near(x(last[0]))}" y1="${TOP}" y2="${height - BOTTOM}"/>`,
    `<path class="past" d="M${points(shown)}"/>`,
    ahead[0.5] ? `<path class="middle" d="M${points(ahead[0.5])}"/>` : "",
    "</svg>",
  ].join("\n");
}

export const mirrored = (level) => Number((1 - level).toFixed(9));

// Round numbers in a range, about so many.
function ticks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((each) => each * power >= rough) * power;
  const begin = Math.ceil(low / step);
  return Array.from({ length: Math.max(0, Math.floor(high / step) - begin + 1) }, (_, n) => (begin + n) * step);
}

const short = (value) => Number(value.toPrecision(6)).toLocaleString("en", { notation: Math.abs(value) >= 1e6 ? "compact" : "standard", maximumFractionDigits: 6 });
