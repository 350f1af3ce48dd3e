// Tunes as the page has them: as numbers of the server (own files), and what it says for showing them.

import { extent } from "../player/tune.js";

const HUES = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31", "#666a73"];
const [WIDTH, HEIGHT] = [144, 64]; // of a thumbnail

// A tune as player/tune.js has it. shown: see `music.shown`.
export const tuneOf = (tune, shown) => ({
  ...tune,
  parts: tune.parts.map(([name, program, drums]) => ({ name, program, drums })),
  chords: tune.chords.map(([tick, symbol], n) => [tick, symbol, shown.chords[n]]),
});

// Numbers from 0 as people write them, from 1: `1,3-4`.
export function ranges(numbers, to = "-") {
  const found = [];
  for (const n of [...numbers].sort((one, other) => one - other)) {
    if (found.length && found.at(-1)[1] === n - 1) found.at(-1)[1] = n;
    else found.push([n, n]);
  }
  return found.map(([first, last]) => (first === last ? `${first + 1}` : `${first + 1}${to}${last + 1}`)).join(",");
}

// [begin, end] of each bar, in ticks. bars: ticks at which they begin.
export const spans = (bars, length) => bars.map((begin, n) => [begin, bars[n + 1] ?? Math.max(length, begin + 1)]);

// What is written of chords over each bar: those that begin there. Silence is `NC`.
export function chordsOf({ chords }, bars) {
  return bars.map(([begin, end]) =>
    chords.filter(([tick]) => tick >= begin && tick < end).map(([, symbol]) => symbol || "NC"),
  );
}

// The tune with other chords in a bar, in equal parts of it: `Dm7 G7`. What held behind it holds there still.
export function rechorded(tune, [begin, end], text) {
  const symbols = text.split(/[\s|]+/).filter(Boolean).map((word) => (word === "NC" ? "" : word));
  const held = (at) => tune.chords.findLast(([tick]) => tick <= at)?.[1] ?? "";
  const inside = symbols.map((symbol, n) => [begin + Math.floor(((end - begin) * n) / symbols.length), symbol]);
  const behind = tune.chords.filter(([tick]) => tick >= end);
  if (end < tune.length && behind[0]?.[0] !== end) behind.unshift([end, held(end)]);
  const chords = [...tune.chords.filter(([tick]) => tick < begin), ...inside, ...behind];
  return { ...tune, chords: chords.filter(([, symbol], n) => symbol !== (n ? chords[n - 1][1] : "")) };
}

// A small picture of a tune, as an address.
export function thumb({ notes, length, parts }) {
  const pitches = notes.map((note) => note[2]);
  const [low, high] = extent(pitches);
  const tall = Math.min((HEIGHT - 4) / Math.max(high - low + 1, 12), 5);
  const middle = (HEIGHT - tall * (high - low + 1)) / 2;
  const near = (value) => value.toFixed(1);
  const shapes = parts.map((_, part) => {
    const own = notes.filter((note) => note[4] === part);
    const way = own.map(([start, lasts, pitch]) => {
      const [x, y] = [(start / length) * WIDTH, middle + (high - pitch) * tall];
      return `M${near(x)} ${near(y)}h${near(Math.max((lasts / length) * WIDTH - 0.5, 0.7))}v${near(tall * 0.85)}H${near(x)}z`;
    });
    return `<path fill="${HUES[part % HUES.length]}" d="${way.join("")}"/>`;
  });
  const size = `width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}"`;
  return `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" ${size}>${shapes.join("")}</svg>`)}`;
}

// A file of a tune as requests have it: { midi }, { musicxml }, { abc } or { tune }. bytes: Uint8Array.
export function given(bytes) {
  if (String.fromCharCode(...bytes.slice(0, 4)) === "MThd") {
    let text = "";
    for (let n = 0; n < bytes.length; n += 8192) text += String.fromCharCode(...bytes.slice(n, n + 8192));
    return { midi: btoa(text) };
  }
  const text = new TextDecoder().decode(bytes);
  if (/^\s*</.test(text)) return { musicxml: text };
  if (/^\s*\{/.test(text)) return { tune: JSON.parse(text.trim().split("\n")[0]) };
  return { abc: text };
}

const whole = Number.isInteger;

// Throws an Error if it is no tune as own files have it.
export function checked(tune) {
  const rows = (list, length) => Array.isArray(list) && list.every((one) => Array.isArray(one) && one.length >= length);
  const good =
    tune && whole(tune.ticks) && tune.ticks > 0 && whole(tune.length) && tune.length >= 0 &&
    rows(tune.notes, 5) && tune.notes.every((note) => note.every(whole) && note[4] >= 0 && note[4] < tune.parts?.length) &&
    rows(tune.parts, 3) && ["metres", "keys", "tempos", "chords"].every((name) => rows(tune[name], 2));
  if (!good) throw new Error("a tune in it is damaged");
  return tune;
}
