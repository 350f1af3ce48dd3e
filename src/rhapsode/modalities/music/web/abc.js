// The codec `abc`: a step is a token of ABC notation. The twins of `codecs.abc` and `_abc_tokens`, for tunes in the
// usual metre and key.

import { FIRST, HELD, LineGuide, REST, tuneOf } from "./line.js";

const [BAR, OVER, TIE, NOTE, LENGTH, CHORD, METRE, KEY] = Array(8).keys(); // signs
const MODES = [0, 2, 4, 5, 7, 9, 11];
const VELOCITY = 80;

export class Abc {
  constructor({ grid, lowest, places, lengths, harmonies, metres }, usual) {
    Object.assign(this, { grid, lowest, lengths, usual });
    this.metre = metres.findIndex(([beats, unit]) => beats === usual.metre[0] && unit === usual.metre[1]);
    const each = (sign, values) => values.map((value) => [sign, value]);
    this.tokens = [
      [BAR, 0],
      [OVER, 0],
      [TIE, 0],
      ...each(NOTE, [REST, ...Array.from({ length: places }, (_, n) => FIRST + n)]),
      ...each(LENGTH, lengths),
      ...each(CHORD, [...harmonies.keys()]),
      ...each(METRE, [...metres.keys()]),
      ...each(KEY, MODES),
    ]; // of each its sign, and its value: of a length frames, of a chord and a metre its number, of a key its mode
  }

  guide(bars) {
    return new AbcGuide(this, bars);
  }

  ends(step) {
    return this.tokens[step][0] === OVER;
  }

  decode(steps) {
    const [notes, chords] = [[], []];
    let [frame, value, tied] = [0, REST, false];
    for (const [sign, said] of steps.map((step) => this.tokens[step])) {
      if (sign === OVER) break;
      if (sign === TIE) tied = true;
      else if (sign === CHORD) chords.push([frame, said]);
      else if (sign === NOTE) value = said;
      else if (sign === LENGTH) {
        if (tied) notes.at(-1)[1] += said;
        else if (value >= FIRST) notes.push([frame, said, this.lowest + value - FIRST]);
        tied = false;
        frame += said;
      }
    }
    return tuneOf(notes, chords, frame, VELOCITY, this);
  }
}

class AbcGuide extends LineGuide {
  constructor(codec, bars) {
    super(codec, bars, true);
    this._due = this._signs(); // of the signs before the next note, those that are still to be written
    this._before = null; // the last token's sign
    Object.assign(this, { _sounding: REST, _tied: false }); // the last note, and whether it is tied to the next
    this._chord = false; // whether there was one since the last note
    Object.assign(this, { _over: 0, _held: false }); // the chord; whether the last note only goes on
  }

  // What stands before the notes of this frame.
  _signs() {
    const {
      frame,
      bars,
      codec: { metre, usual },
    } = this;
    if (frame === bars.end) return [[OVER, 0]];
    if (frame === 0)
      return [
        [METRE, metre],
        [KEY, usual.mode],
      ];
    return frame % bars.bar ? [] : [[BAR, 0]];
  }

  mask() {
    const allowed = this._allowed();
    return Uint8Array.from(this.codec.tokens, ([sign, value]) => Number(allowed(sign, value)));
  }

  // Whether a token may follow.
  _allowed() {
    const {
      frame,
      bars,
      _before: before,
      _over: over,
      _due: [due],
      codec: { usual },
    } = this;
    if (before === NOTE) {
      const room = this.room(this._held ? HELD : this._sounding, over);
      const left = bars.left(frame) || 1;
      const most = Math.max(1, room === null ? left : Math.min(left, room - 1));
      return (sign, value) => sign === LENGTH && value <= most;
    }
    if (frame >= bars.end) return (sign) => sign === OVER;
    const harmonic = usual.harmonies.length > 1;
    const tie = before === LENGTH && this._sounding !== REST && (harmonic || this._fits(HELD));
    if (due) return (sign, value) => (sign === TIE && tie) || (sign === due[0] && value === due[1]);
    const [goesOn, rests] = [this._fits(HELD), this._fits(REST)];
    const note = (value) => (this._tied ? value === this._sounding && goesOn : value !== REST || rests);
    return (sign, value) =>
      (sign === TIE && tie) ||
      (sign === NOTE && note(value)) ||
      (sign === CHORD && value !== over && harmonic && !this._chord);
  }

  // Whether there is a length that the next note may have if it is this value.
  _fits(value) {
    const room = this.room(value, this._over);
    return room === null || room > 1;
  }

  most() {
    return 4 * Math.max(0, this.bars.end - this.frame) + this.bars.count + 2;
  }

  read(step) {
    const [sign, value] = this.codec.tokens[step];
    this._before = sign;
    if (sign === TIE) this._tied = true;
    else if (sign === NOTE) Object.assign(this, { _sounding: value, _held: this._tied, _tied: false });
    else if (sign === LENGTH) {
      this.advance(value, this._held ? HELD : this._sounding, this._over);
      this._due = this._signs();
      this._chord = false;
    } else if (sign === CHORD) Object.assign(this, { _chord: true, _over: value });
    const [due] = this._due;
    if (due && due[0] === sign && due[1] === value) this._due = this._due.slice(1);
  }
}
