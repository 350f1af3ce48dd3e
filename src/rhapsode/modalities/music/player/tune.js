// Tunes. The twin of `music.tune`, and of `music.voicing`.
//
// A tune is { notes, ticks, length, parts, metres, keys, tempos, chords }. A note is [start, length, pitch, velocity,
// part]; the others begin with their tick: a metre is [tick, beats, unit], a key [tick, sharps, mode], a tempo [tick,
// quarters a minute], a chord [tick, symbol, pitches that are played for it]. A part is { name, program, drums }.

const VELOCITY = 45; // of chords

// By start, then pitch, then part.
export const ordered = (notes) =>
  [...notes].sort((one, other) => one[0] - other[0] || one[2] - other[2] || one[4] - other[4]);

// In order, such that no two of one part and pitch sound at once.
export function separate(notes) {
  const rows = notes.map(([start, length, ...rest]) => [start, Math.max(length, 1), ...rest]);
  rows.sort((one, other) => one[4] - other[4] || one[2] - other[2] || one[0] - other[0] || other[1] - one[1]);
  const same = (n) => n > 0 && rows[n][4] === rows[n - 1][4] && rows[n][2] === rows[n - 1][2];
  const kept = rows.filter((row, n) => !same(n) || row[0] > rows[n - 1][0]);
  if (kept.length < rows.length) return separate(kept);
  rows.forEach((row, n) => {
    if (same(n)) rows[n - 1][1] = Math.min(rows[n - 1][1], row[0] - rows[n - 1][0]);
  });
  return ordered(rows);
}

// The lowest and the highest; of more numbers than a call takes, too.
export const extent = (numbers) =>
  numbers.reduce(([low, high], one) => [Math.min(low, one), Math.max(high, one)], [Infinity, -Infinity]);

// A number of semitones, or an octave less or more where pitches would not be 0 to 127.
export function within(semitones, pitches) {
  const [low, high] = extent(pitches);
  const ways = [semitones, semitones - 12, semitones + 12].filter((by) => low + by >= 0 && high + by <= 127);
  return pitches.length ? (ways[0] ?? 0) : semitones;
}

// Its chords, each as notes that last until the next, softly, in the part after its own.
export function held({ chords, parts, length }) {
  const found = chords.flatMap(([tick, symbol, pitches], n) => {
    const end = Math.min(chords[n + 1]?.[0] ?? length, length);
    return symbol && end > tick ? pitches.map((pitch) => [tick, end - tick, pitch, VELOCITY, parts.length]) : [];
  });
  return ordered(found);
}

// A lead sheet with its chords as a part of their own; any other tune as it is.
export function accompanied(tune) {
  if (tune.parts.length !== 1 || !tune.chords.length) return tune;
  return {
    ...tune,
    notes: ordered([...tune.notes, ...held(tune)]),
    parts: [...tune.parts, { name: "chords", program: 0 }],
  };
}

// [tick, second] of the beginning, of each change of tempo and of the end.
export function clock({ tempos, ticks, length }) {
  const changes = tempos.filter(([tick]) => tick < length);
  const marks = changes[0]?.[0] === 0 ? changes : [[0, 120], ...changes];
  let second = 0;
  return [...marks, [length, 0]].map(([tick], n) => {
    if (n) second += ((tick - marks[n - 1][0]) * 60) / (marks[n - 1][1] * ticks);
    return [tick, second];
  });
}

// Ticks at which bars begin, and beats.
export function grid({ metres, ticks, length }) {
  const marks = metres.length ? metres : [[0, 4, 4]];
  const [starts, every] = [[], []];
  marks.forEach(([tick, beats, unit], n) => {
    const beat = Math.max(Math.floor((4 * ticks) / unit), 1);
    const end = marks[n + 1]?.[0] ?? Math.max(length, tick + 1);
    for (let at = tick; at < end; at += beat) every.push(at);
    for (let at = tick; at < end; at += beat * beats) starts.push(at);
  });
  return [starts, every];
}
