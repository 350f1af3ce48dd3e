// The codec `melody`: a step is a note of one voice, its pitch and length, with the chord that it sounds over.

import { END, FIRST, HELD, LineGuide, tuneOf } from "./line.js";

const VELOCITY = 90;

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
    pitch +=
      12 * Math.max(0, -Math.floor((pitch - lowest) / 12)) - 12 * Math.max(0, -Math.floor((highest - pitch) / 12));
    return Math.min(Math.max(pitch - lowest, 0), places - 1) + FIRST;
  }

  decode(steps) {
    const { lengths, lowest } = this;
    const [notes, chords] = [[], []];
    let [frame, sounding, last] = [0, false, 0];
    for (const step of steps) {
      const value = this.value(step);
      if (value === END) break;
      const length = lengths[step.at(-1)];
      if (step[0] !== last) chords.push([frame, step[0]]);
      last = step[0];
      if (value === HELD && sounding) notes.at(-1)[1] += length;
      else if (value >= FIRST) notes.push([frame, length, lowest + value - FIRST]);
      sounding = value >= FIRST || (value === HELD && sounding);
      frame += length;
    }
    return tuneOf(notes, chords, frame, VELOCITY, this);
  }
}

// The circles of thirds that a pitch is in.
function circles(value, lowest) {
  const pitch = value - FIRST + lowest;
  return value < FIRST
    ? [value, 0, 0, 0]
    : [FIRST, pitch % 4, pitch % 3, Math.floor(pitch / 12) - Math.floor(lowest / 12)];
}

class MelodyGuide extends LineGuide {
  constructor(codec, bars) {
    super(codec, bars, codec.form);
    this._sounding = false;
  }

  // Of each field, which values may be drawn.
  mask() {
    const {
      codec: { usual, lengths, values, table, fields },
      bars,
      frame,
    } = this;
    const over = frame >= bars.end;
    const free = (value) => (over ? value === END : value !== END && (value !== HELD || this._sounding));
    const allowed = table.filter((_, value) => free(value));
    return Uint8Array.from([
      ...usual.harmonies.map((_, chord) => !over || chord === 0),
      ...fields.flatMap((size, field) =>
        Array.from({ length: size }, (_, n) => allowed.some((each) => each[field] === n)),
      ),
      ...lengths.map((length) => (over ? length === 1 : length <= bars.left(frame))),
    ]);
  }

  // Whether encoding would write this step: it writes the longest pieces that there are.
  canonical(step) {
    const value = this.codec.value(step);
    const room = value === END ? null : this.room(value, step[0]);
    return room === null || this.codec.lengths[step.at(-1)] < room;
  }

  most() {
    return Math.max(0, this.bars.end - this.frame) + 1;
  }

  read(step) {
    const value = this.codec.value(step);
    this._sounding = value >= FIRST || (value === HELD && this._sounding);
    if (value !== END) this.advance(this.codec.lengths[step.at(-1)], value, step[0]);
  }
}
