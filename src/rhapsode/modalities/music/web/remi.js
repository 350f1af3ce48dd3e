// The codec `remi`: a step is a token: a bar, a place in it, an instrument, a pitch, a level, a length. The twins of
// `codecs.remi`, `_remi_tokens`, `_remi_guide` and `_remi_lookback`, for tunes in the usual metre.

import { Guide } from "../../../export/page/guide.js";
import { Bars, PLACES } from "./bars.js";
import { ordered, separate, within } from "../player/tune.js";

const SIGNS = ["Bar", "EOS", "TimeSig", "Position", "Tempo", "Program", "Pitch", "PitchDrum", "Velocity", "Duration"];
const [BAR, EOS, TIME_SIG, POSITION, TEMPO, PROGRAM, PITCH, PITCH_DRUM, VELOCITY, DURATION] = SIGNS.keys();
const DRUMS = -1;
const KIT = 128; // drums come after all programs
const MINUTE = 60_000_000; // microseconds

const rankOf = (program) => (program === DRUMS ? KIT : program);

export class Remi {
  constructor({ grid, tempos, metres, tokens }, usual) {
    Object.assign(this, { grid, tempos, metres, usual });
    const coarsest = Math.min(4, ...metres.map(([, unit]) => unit));
    this.beat = (4 * grid) / coarsest; // parts of a beat
    this.places = Math.max(...metres.map(([beats]) => beats)) * this.beat; // in the bar of most beats
    this.metre = metres.findIndex(([beats, unit]) => beats === usual.metre[0] && unit === usual.metre[1]);
    this.step = usual.metre[1] / coarsest; // parts of a beat in a frame
    this.signs = tokens.map((token) => SIGNS.indexOf(token.split("_")[0]));
    this.values = tokens.map((token, n) => this._value(this.signs[n], token.slice(token.indexOf("_") + 1)));
    this.programs = this.values.filter((_, n) => this.signs[n] === PROGRAM).sort((one, other) => one - other);
  }

  // Of a metre its number, of a place and a length so many parts of a beat, of a tempo quarters a minute.
  _value(sign, text) {
    if (sign === BAR || sign === EOS) return 0;
    if (sign === TIME_SIG) return this.metres.findIndex(([beats, unit]) => text === `${beats}/${unit}`);
    if (sign !== DURATION) return Number(text);
    const [whole, part, parts] = text.split(".").map(Number);
    return whole * parts + part;
  }

  guide(bars) {
    return new RemiGuide(this, bars);
  }

  ends(step) {
    return this.signs[step] === EOS;
  }

  decode(steps) {
    const { signs, values, step, usual } = this;
    const found = []; // notes, with ranks of instruments for parts
    const tempos = [];
    let [bar, frame, rank, pitch, velocity] = [-1, 0, 0, 0, 0];
    for (const token of steps) {
      const [sign, value] = [signs[token], values[token]];
      if (sign === EOS) break;
      if (sign === BAR) frame = ++bar * usual.bar;
      else if (sign === POSITION) frame = bar * usual.bar + value / step;
      else if (sign === TEMPO) tempos.push([frame, Number((MINUTE / Math.round(MINUTE / value)).toFixed(2))]);
      else if (sign === PROGRAM) rank = rankOf(value);
      else if (sign === PITCH || sign === PITCH_DRUM) pitch = value;
      else if (sign === VELOCITY) velocity = value;
      else if (sign === DURATION) found.push([frame, value / step, pitch, velocity, rank]);
    }
    const ranks = [...new Set(found.map(([, , , , each]) => each))].sort((one, other) => one - other);
    const pitches = found.filter((note) => note[4] !== KIT).map((note) => note[2]);
    const by = within(usual.by, pitches);
    const notes = separate(
      found.map(([start, length, each, loud, of]) => [start, length, each, loud, ranks.indexOf(of)]),
    );
    const length = Math.max((bar + 1) * usual.bar, ...notes.map(([start, lasts]) => start + lasts), 1);
    return {
      notes: ordered(
        notes.map(([start, lasts, each, loud, of]) => [start, lasts, each + (ranks[of] === KIT ? 0 : by), loud, of]),
      ),
      ticks: this.grid,
      length,
      parts: ranks.length ? ranks.map((each) => usual.band[each]) : [{ name: "", program: 0 }],
      metres: [[0, ...usual.metre]],
      keys: pitches.length ? [[0, ...usual.key]] : [],
      tempos: this.tempos.length ? changing(tempos, usual.tempo) : [[0, usual.tempo]],
      chords: [],
    };
  }
}

// Without those that say what holds already; the usual one if there are none.
function changing(tempos, usual) {
  const last = [...new Map(tempos)];
  const found = last.filter(([, quarters], n) => !n || quarters !== last[n - 1][1]);
  return found.length ? found : [[0, usual]];
}

class RemiGuide extends Guide {
  constructor(codec, bars) {
    super();
    const { signs, values, programs, grid, usual } = codec;
    this._codec = codec;
    this._bars = new Bars(bars, usual, grid);
    this._pitches = new Map(
      programs.map((program) => {
        const sign = program === DRUMS ? PITCH_DRUM : PITCH;
        return [rankOf(program), values.filter((_, n) => signs[n] === sign)];
      }),
    ); // that each instrument may play
    this._ends = new Map(programs.map((program) => [rankOf(program), new Int32Array(128)])); // of the last note of each
    this._heard = new Heard(this._bars);
    Object.assign(this, { _pace: 0, _bar: -1, _place: -1, _player: -1, _pitch: -1, _before: EOS });
  }

  get _frame() {
    const { _bars: bars, _bar: bar } = this;
    if (bar < 0) return 0;
    return Math.min(
      Math.min(bar, bars.count) * bars.bar + Math.floor(Math.max(this._place, 0) / this._codec.step),
      bars.end,
    );
  }

  covariates() {
    const chosen = [PROGRAM, PITCH, PITCH_DRUM, VELOCITY].includes(this._before);
    const players = chosen ? [this._player] : [...this._ends.keys()];
    const found = new Float32Array(PLACES + HEARD + this._codec.usual.place.length);
    found.set(this._bars.covariates(this._frame));
    found.set(this._heard.covariates(this._frame, players), PLACES);
    found.set(this._codec.usual.place, PLACES + HEARD);
    return found;
  }

  mask() {
    const { signs, values } = this._codec;
    const allowed = this._allowed();
    return Uint8Array.from(signs, (sign, n) => Number(allowed(sign, values[n])));
  }

  // Whether a token of a sign and a value may follow.
  _allowed() {
    const {
      _codec: { step, metre, metres, tempos, beat },
      _bars: bars,
      _before: before,
      _bar: bar,
      _place: place,
    } = this;
    if (before === BAR) return (sign, value) => sign === TIME_SIG && value === metre;
    if (before === PROGRAM) {
      const [sound, free] = [this._player === KIT ? PITCH_DRUM : PITCH, new Set(this._free(this._player))];
      return (sign, value) => sign === sound && free.has(value);
    }
    if (before === PITCH || before === PITCH_DRUM) return (sign) => sign === VELOCITY;
    if (before === VELOCITY) {
      const left = Math.max(bars.end - this._frame, 1) * step;
      return (sign, value) => sign === DURATION && value % step === 0 && value <= left;
    }
    const paced = tempos.length > 0;
    if (before === POSITION && paced && bar === 0 && place === 0) return (sign) => sign === TEMPO;
    const next = bar < bars.count - 1 ? BAR : EOS;
    if (bar < 0) return (sign) => sign === next;
    if (before === TIME_SIG && bar === 0 && paced) return (sign, value) => sign === POSITION && value === 0;
    const players = new Set(
      [...this._pitches.keys()].filter((each) => each >= this._player && this._free(each).length),
    );
    const note = (sign, value) => sign === PROGRAM && players.has(rankOf(value));
    if (before === POSITION) return (sign, value) => note(sign, value) || (sign === TEMPO && value !== this._pace);
    const soonest = Math.min(
      bars.end,
      ...[...this._pitches]
        .filter(([, pitches]) => pitches.length)
        .map(([each, pitches]) =>
          pitches.reduce((least, pitch) => Math.min(least, this._ends.get(each)[pitch]), Infinity),
        ),
    );
    const begin = Math.min(bar, bars.count - 1) * bars.bar;
    const later = (value) =>
      value > place && value < metres[metre][0] * beat && value % step === 0 && begin + value / step >= soonest;
    return (sign, value) =>
      sign === next || (sign === POSITION && later(value)) || (before !== TIME_SIG && note(sign, value));
  }

  // Pitches that an instrument may play (once more) at this place.
  _free(player) {
    const [ends, frame] = [this._ends.get(player), this._frame];
    return this._pitches
      .get(player)
      .filter((pitch) => ends[pitch] <= frame && (player !== this._player || pitch > this._pitch));
  }

  most() {
    const { signs, programs, places } = this._codec;
    const sounds = signs.filter((sign) => sign === PITCH || sign === PITCH_DRUM).length;
    return (this._bars.count - this._bar) * (2 + places * (2 + 4 * sounds * programs.length)) + 1;
  }

  read(token) {
    const [sign, value] = [this._codec.signs[token], this._codec.values[token]];
    if (sign === BAR) Object.assign(this, { _bar: this._bar + 1, _place: -1, _player: -1, _pitch: -1 });
    else if (sign === POSITION) Object.assign(this, { _place: value, _player: -1, _pitch: -1 });
    else if (sign === TEMPO) this._pace = value;
    else if (sign === PROGRAM) {
      if (rankOf(value) !== this._player) this._pitch = -1;
      this._player = rankOf(value);
    } else if (sign === PITCH || sign === PITCH_DRUM) this._pitch = value;
    else if (sign === DURATION) {
      const [frame, length] = [this._frame, value / this._codec.step];
      this._heard.add(frame, length, this._player, this._pitch);
      this._ends.get(this._player)[this._pitch] = frame + length;
    }
    this._before = sign;
  }
}

const LAGS = [1, 2, 4, 8]; // bars before
const OF_A_LAG = 12 + 2;
const HEARD = 12 + LAGS.length * OF_A_LAG;

// What sounds just now, and what began at the same place some bars before.
class Heard {
  constructor(bars) {
    Object.assign(this, { _bars: bars, _ends: new Int32Array(128), _begun: new Map(), _frames: [] });
  }

  add(frame, length, player, pitch) {
    if (player !== KIT) this._ends[pitch] = frame + length;
    if (!this._begun.has(frame)) {
      this._begun.set(frame, new Map());
      this._frames.push(frame);
    }
    const begun = this._begun.get(frame);
    begun.set(player, (begun.get(player) ?? 0) | (1 << (pitch % 12)));
  }

  // Of what comes at a frame; players: of which what began is told.
  covariates(frame, players) {
    const { bar: size, end, grid } = this._bars;
    const found = new Float32Array(HEARD);
    this._ends.forEach((until, pitch) => {
      if (until > frame) found[pitch % 12] = 1;
    });
    LAGS.forEach((lag, n) => {
      if (frame < lag * size || frame >= end) return;
      const place = frame - lag * size;
      const begun = this._begun.get(place);
      const bits = players.reduce((all, player) => all | (begun?.get(player) ?? 0), 0);
      const at = 12 + n * OF_A_LAG;
      for (let pitch = 0; pitch < 12; pitch++) found[at + pitch] = (bits >> pitch) & 1;
      const after = (Math.floor(place / size) + 1) * size;
      const then = this._frames.find((each) => each > place) ?? after;
      found[at + 12] = 1;
      found[at + 13] = (Math.min(then, after) - place) / (4 * grid);
    });
    return found;
  }
}
