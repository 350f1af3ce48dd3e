// A tune's piano roll in one row, as two SVG elements: the names of pitches, and the notes. The twin of
// `music.rollplan` and `music.roll`.

import { extent, grid } from "./tune.js";

const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31", "#666a73"];
const LINES = { beat: ["#e4e6ea", 0.6], bar: ["#9aa1ad", 1], octave: ["#7f93b8", 0.9], edge: ["#c4c9d1", 0.8] };
const BLACK = "#f3f4f7";
const WORDS = {
  number: ["#7a808c", 9],
  pitch: ["#7a808c", 7.5],
  "octave-name": ["#1c2433", 8.5],
  chord: ["#1c2433", 12],
};
const BOLD = new Set(["octave-name", "chord"]);
const NATURALS = { 0: "C", 2: "D", 4: "E", 5: "F", 7: "G", 9: "A", 11: "B" };
const [LEFT, RIGHT, TOP, BETWEEN] = [40, 12, 10, 14];
const BARE = 4; // above what has no words
const HOLLOW = 0.18; // how full a marked note is
const FONT = 'font-family="system-ui, sans-serif"';
const DRUM = 9; // the height of a drum's lane
const [ROW, LEAST, MOST, LETTER] = [1024, 28, 48, 6.5];

const near = (value) => value.toFixed(2).replace(/\.?0+$/, "");
const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

// { keys, body, scale }: two elements, and the breadth of a tick. drums: names by pitch.
// row: its breadth, if a quarter is then not less than `least`. bare: without chords and numbers of bars above it.
// marked: numbers of notes that are drawn hollow.
export function roll(tune, drums = {}, { row = ROW, least = LEAST, bare = false, marked = new Set() } = {}) {
  const [starts, beats] = grid(tune);
  const end = Math.max(tune.length, 1);
  const scale = Math.min(Math.max((row / end) * tune.ticks, least), MOST) / tune.ticks;
  const at = (tick) => LEFT + tick * scale;
  const lanes = lanesOf(tune);
  const words = [];
  const top = bare ? BARE : TOP + chordsAbove(tune, end, at, words) + 14;
  const right = at(end);
  const lines = [];
  const line = (x1, y1, x2, y2, role) => lines.push({ x1, y1, x2, y2, role });
  const ground = [];
  for (let pitch = lanes.high; pitch >= lanes.low; pitch--) {
    const y = top + lanes.top(pitch);
    const name = NATURALS[pitch % 12];
    if (!name) ground.push({ x: LEFT, y, width: right - LEFT, height: lanes.height });
    if (pitch % 12 === 0) line(LEFT, y + lanes.height, right, y + lanes.height, "octave");
    if (name && (lanes.height >= 8 || pitch % 12 === 0)) {
      const role = pitch % 12 === 0 ? "octave-name" : "pitch";
      words.push({
        x: LEFT - 4,
        y: y + lanes.height / 2 + 3,
        text: `${name}${Math.floor(pitch / 12) - 1}`,
        role,
        end: true,
      });
    }
  }
  for (const pitch of lanes.struck) {
    const y = top + lanes.top(pitch, true) + DRUM;
    words.push({ x: LEFT - 4, y: y - 2, text: drums[pitch] ?? String(pitch), role: "pitch", end: true });
    line(LEFT, y, right, y, "beat");
  }
  for (const y of [top, top + lanes.total]) line(LEFT, y, right, y, "edge");
  for (const tick of beats) line(at(tick), top, at(tick), top + lanes.total, "beat");
  for (const tick of starts) line(at(tick), top, at(tick), top + lanes.total, "bar");
  line(right, top, right, top + lanes.total, "bar");
  if (!bare) starts.forEach((tick, n) => words.push({ x: at(tick) + 1, y: top - 3, text: String(n + 1), role: "number" }));
  const notes = tune.notes.map(([start, length, pitch, velocity, part]) => ({
    x: at(start),
    y: top + lanes.top(pitch, tune.parts[part].drums) + 0.5,
    width: Math.max(length * scale - 0.8, 1.5),
    height: lanes.height - 1,
    part,
    opacity: 0.4 + (0.6 * velocity) / 127,
  }));
  for (const n of marked) notes[n].marked = true;
  const plan = { ground, lines, notes, words, height: top + lanes.total + BETWEEN };
  const label = `aria-label="Piano roll, ${notes.length} notes"`;
  const breadth = right + RIGHT;
  return {
    keys: element(plan, 0, LEFT - 1, `id="pitches" aria-hidden="true" width="${LEFT}" height="${near(plan.height)}"`),
    body: element(plan, LEFT, breadth, `width="${near(breadth - LEFT)}" height="${near(plan.height)}" ${label}`),
    scale,
  };
}

// A lane for each pitch from the lowest to the highest, and below them one for each drum that there is.
function lanesOf({ notes, parts }) {
  const [pitched, drummed] = [false, true].map((drums) =>
    notes.filter((note) => Boolean(parts[note[4]].drums) === drums).map((note) => note[2]),
  );
  const struck = [...new Set(drummed)].sort((one, other) => other - one);
  let [low, high, height] = [0, -1, 8];
  if (pitched.length || !struck.length) {
    [low, high] = extent(pitched);
    [low, high] = pitched.length ? [low - 1, high + 1] : [60, 72];
    const wanted = Math.max(14 - (high - low + 1), 0);
    [low, high] = [low - (wanted >> 1), high + ((wanted + 1) >> 1)];
    height = 2 + (high - low < 40 ? 8 : high - low < 64 ? 6 : 5);
  }
  const above = high < low ? 0 : (high - low + 1) * height + (struck.length ? 8 : 0);
  const each = Math.max(height, DRUM);
  const top = (pitch, drum = false) => (drum ? above + struck.indexOf(pitch) * each : (high - pitch) * height);
  return { low, high, height, struck, top, total: above + struck.length * each };
}

// Chord symbols, in two lines where they are close. Returns their height.
function chordsAbove({ chords }, end, at, words) {
  if (!chords.length) return 0;
  const free = [0, 0];
  const placed = chords.flatMap(([tick, symbol], n) => {
    if (!symbol || tick >= end || (chords[n + 1]?.[0] ?? end) <= 0) return [];
    const x = at(tick);
    const level = x >= free[0] || x < free[1] ? 0 : 1;
    free[level] = x + LETTER * (symbol.length + 1);
    return [{ x, level, symbol }];
  });
  const height = 14 * (1 + Math.max(0, ...placed.map(({ level }) => level)));
  for (const { x, level, symbol } of placed)
    words.push({ x, y: TOP + height - 3 - 14 * level, text: symbol, role: "chord" });
  return height;
}

// What begins between two x.
function element({ ground, lines, notes, words, height }, left, right, attributes) {
  const inside = (each) => (each.x ?? each.x1) >= left && (each.x ?? each.x1) <= right;
  const box = ({ x, y, width, height: high }) =>
    `x="${near(x)}" y="${near(y)}" width="${near(width)}" height="${near(high)}"`;
  const parts = [
    `<svg ${attributes} viewBox="${near(left)} 0 ${near(right - left)} ${near(height)}" role="img" ${FONT}>`,
    ...ground.filter(inside).map((each) => `<rect class="black" ${box(each)} fill="${BLACK}"/>`),
    ...lines.filter(inside).map(({ x1, y1, x2, y2, role }) => {
      const [colour, width] = LINES[role];
      const where = `x1="${near(x1)}" y1="${near(y1)}" x2="${near(x2)}" y2="${near(y2)}"`;
      return `<line class="${role}" ${where} stroke="${colour}" stroke-width="${width}"/>`;
    }),
    ...notes.filter(inside).map((each) => {
      const hue = each.part % COLOURS.length;
      const fill = each.marked
        ? `fill-opacity="${HOLLOW}" stroke="currentColor"`
        : `fill-opacity="${near(each.opacity)}"`;
      return `<rect class="note p${hue}" ${box(each)} rx="1.5" color="${COLOURS[hue]}" fill="currentColor" ${fill}/>`;
    }),
    ...words.filter(inside).map(({ x, y, text, role, end }) => {
      const [colour, size] = WORDS[role];
      const more = `${BOLD.has(role) ? ' font-weight="600"' : ""}${end ? ' text-anchor="end"' : ""}`;
      const look = `font-size="${size}" fill="${colour}"${more}`;
      return `<text class="${role}" x="${near(x)}" y="${near(y)}" ${look}>${escaped(text)}</text>`;
    }),
    "</svg>",
  ];
  return parts.join("\n");
}
