// What is known along a melody that is drawn: the twin of `codecs._melody_guide`, for tunes of which nothing is kept.

import { Guide } from "../../../export/page/guide.js";
import { Bars, LOOKBACK, Lookback, PLACES } from "./bars.js";
import { within } from "../player/tune.js";

export const REST = 0; // values
export const HELD = 1;
export const END = 2;
export const FIRST = 3; // from here on, pitches from the lowest one up
const WHATEVER = 2 ** 30; // frames

export class LineGuide extends Guide {
  // codec: its grid, lengths of pieces, lowest pitch and usual tune. form: whether the place in the form is given.
  constructor(codec, bars, form) {
    super();
    Object.assign(this, { codec, form, frame: 0, _pitch: -1, _last: -1 });
    this.bars = new Bars(bars, codec.usual, codec.grid);
    this._lookback = new Lookback(this.bars);
    this._fixed = [codec.usual.density, ...codec.usual.place];
    this._room = 0; // frames below which a piece that only goes on is one that encoding writes
  }

  covariates() {
    const found = new Float32Array(PLACES + LOOKBACK + this._fixed.length);
    if (this.form) {
      found.set(this.bars.covariates(this.frame));
      found.set(this._lookback.covariates(this.frame), PLACES);
    }
    found.set(this._fixed, PLACES + LOOKBACK);
    return found;
  }

  // Frames below which a piece of this value is one that encoding writes, over this chord; null for any.
  room(value, chord) {
    const goesOn = value === HELD || (value === REST && this._pitch < 0);
    return goesOn && this.frame % this.bars.bar && chord === this._last ? this._room : null;
  }

  // Go on by a piece, over a chord of the repertoire.
  advance(length, value, chord) {
    const { lengths, lowest, usual } = this.codec;
    const room = this.room(value, chord);
    const longer = lengths.find((each) => each > length) ?? WHATEVER;
    this._room = (room === null ? longer : Math.min(room, longer)) - length;
    this._last = chord;
    this._pitch = value >= FIRST ? lowest + value - FIRST : value === HELD ? this._pitch : -1;
    this._lookback.add(this.frame, length, this._pitch, value !== HELD, usual.harmonies[chord].root);
    this.frame += length;
  }
}

// Notes [frame, length, pitch] and chords [frame, number], drawn in the key without accidentals, as a tune.
export function tuneOf(notes, chords, length, velocity, { usual, grid }) {
  const moved = within(
    usual.by,
    notes.map(([, , pitch]) => pitch),
  );
  return {
    notes: notes.map(([start, lasts, pitch]) => [start, lasts, pitch + moved, velocity, 0]),
    ticks: grid,
    length: Math.max(length, 1),
    parts: [{ name: "melody", program: 0 }],
    metres: [[0, ...usual.metre]],
    keys: [[0, ...usual.key]],
    tempos: [[0, usual.tempo]],
    chords: chords.map(([frame, number]) => [frame, usual.harmonies[number].symbol, usual.harmonies[number].pitches]),
  };
}
