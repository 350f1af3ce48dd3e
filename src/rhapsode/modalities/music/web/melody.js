// The codec `melody`: a step is a note of one voice, its pitch and length, with the chord that it sounds over.

import { Bars, LOOKBACK, Lookback, PLACES } from "./bars.js";
import { ordered, within } from "./tune.js";

const VELOCITY = 90;
const [REST, HELD, END, FIRST] = [0, 1, 2, 3]; // values; from FIRST on, pitches from the lowest one up
const WHATEVER = 2 ** 30; // frames

export class Melody {
  constructor({ grid, lowest, places, lengths, thirds, form }, usual) {
    Object.assign(this, { grid, lowest, places, lengths, form, usual, values: FIRST + places });
    this.table = Array.from({ length: this.values }, (_, value) => (thirds ? circles(value, lowest) : [value]));
    const bottom = Math.floor(lowest / 12);
    this.fields = thirds ? [FIRST + 1, 4, 3, Math.floor((lowest + places - 1) / 12) - bottom + 1] : [this.values];
    this.sizes = [usual.harmonies.length, ...this.fields, lengths.length];
    this._thirds = thirds;
  }

  guide(bars) {
    return new MelodyGuide(this, bars);
  }

  ends([, what]) {
    return what === END;
  }

  // Of the fields that say it, the value; what circles say beyond the range is the next octave's that is in it.
  value(step) {
    const fields = step.slice(1, -1);
    if (!this._thirds) return fields[0];
    const [what, four, three, octave] = fields;
    if (what < FIRST) return what;
    const { lowest, places } = this;
    let pitch = 12 * (octave + Math.floor(lowest / 12)) + ((9 * four + 4 * three) % 12);
    const highest = lowest + places - 1;
    pitch += 12 * Math.max(0, -Math.floor((pitch - lowest) / 12)) - 12 * Math.max(0, -Math.floor((highest - pitch) / 12));
    return Math.min(Math.max(pitch - lowest, 0), places - 1) + FIRST;
  }

  decode(steps) {
    const { lengths, lowest, usual, grid } = this;
    const [rows, changes] = [[], []];
    let [frame, sounding, last] = [0, false, 0];
    for (const step of steps) {
      const value = this.value(step);
      if (value === END) break;
      const length = lengths[step.at(-1)];
      if (step[0] !== last) changes.push([frame, usual.harmonies[step[0]].symbol, usual.harmonies[step[0]].pitches]);
      last = step[0];
      if (value === HELD && sounding) rows.at(-1)[1] += length;
      else if (value >= FIRST) rows.push([frame, length, lowest + value - FIRST, VELOCITY, 0]);
      sounding = value >= FIRST || (value === HELD && sounding);
      frame += length;
    }
    const by = within(usual.by, rows.map(([, , pitch]) => pitch));
    return {
      notes: ordered(rows.map(([start, length, pitch, ...rest]) => [start, length, pitch + by, ...rest])), ticks: grid,
      length: Math.max(frame, 1), parts: [{ name: "melody", program: 0 }], metres: [[0, ...usual.metre]],
      keys: [[0, ...usual.key]], tempos: [[0, usual.tempo]], chords: changes,
    };
  }
}

// The circles of thirds that a pitch is in.
function circles(value, lowest) {
  const pitch = value - FIRST + lowest;
  return value < FIRST ? [value, 0, 0, 0] : [FIRST, pitch % 4, pitch % 3, Math.floor(pitch / 12) - Math.floor(lowest / 12)];
}

class MelodyGuide {
  constructor(codec, bars) {
    Object.assign(this, { _codec: codec, _frame: 0, _sounding: false, _pitch: -1, _last: -1 });
    this._bars = new Bars(bars, codec.usual, codec.grid);
    this._lookback = new Lookback(this._bars);
    this._fixed = [codec.usual.density, ...codec.usual.place];
    this._room = 0; // frames below which a piece that only goes on is one that encoding writes
  }

  covariates() {
    const found = new Float32Array(PLACES + LOOKBACK + this._fixed.length);
    if (this._codec.form) {
      found.set(this._bars.covariates(this._frame));
      found.set(this._lookback.covariates(this._frame), PLACES);
    }
    found.set(this._fixed, PLACES + LOOKBACK);
    return found;
  }

  // Of each field, which values may be drawn.
  mask() {
    const { _codec: { usual, lengths, values, table, fields: sizes }, _bars: bars, _frame: frame } = this;
    const over = frame >= bars.end;
    const free = Array.from({ length: values }, (_, value) => (over ? value === END : value !== END && (value !== HELD || this._sounding)));
    const allowed = table.filter((_, value) => free[value]);
    return Uint8Array.from([
      ...usual.harmonies.map((_, chord) => !over || chord === 0),
      ...sizes.flatMap((size, field) => Array.from({ length: size }, (_, n) => allowed.some((fields) => fields[field] === n))),
      ...lengths.map((length) => (over ? length === 1 : length <= bars.left(frame))),
    ]);
  }

  // Whether encoding would write this step: it writes the longest pieces that there are.
  canonical(step) {
    const value = this._codec.value(step);
    const room = value === END ? null : this._roomOf(value, step[0]);
    return room === null || this._codec.lengths[step.at(-1)] < room;
  }

  _roomOf(value, chord) {
    const goesOn = value === HELD || (value === REST && this._pitch < 0);
    const cut = this._frame % this._bars.bar === 0;
    return goesOn && !cut && chord === this._last ? this._room : null;
  }

  most() {
    return Math.max(0, this._bars.end - this._frame) + 1;
  }

  read(step) {
    const { lengths, lowest, usual } = this._codec;
    const [value, chord, length] = [this._codec.value(step), step[0], lengths[step.at(-1)]];
    this._sounding = value >= FIRST || (value === HELD && this._sounding);
    if (value === END) return;
    const room = this._roomOf(value, chord);
    const longer = lengths[step.at(-1) + 1] ?? WHATEVER;
    this._room = (room === null ? longer : Math.min(room, longer)) - length;
    this._last = chord;
    this._pitch = value >= FIRST ? lowest + value - FIRST : value === HELD ? this._pitch : -1;
    this._lookback.add(this._frame, length, this._pitch, value !== HELD, usual.harmonies[chord].root);
    this._frame += length;
  }
}
