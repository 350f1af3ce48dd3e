// The codec `chorale`: a step is a moment of music for so many voices, and says of each what it does.

import { Guide } from "../../../export/page/guide.js";
import { Bars } from "./bars.js";
import { ordered, within } from "../player/tune.js";

const VELOCITY = 80;
const [HELD, FIRST] = [1, 2]; // a rest is 0; from FIRST on, pitches from the voice's lowest one up

export class Chorale {
  constructor({ grid, ranges }, usual) {
    Object.assign(this, { grid, ranges, usual });
    this.sizes = ranges.map(([low, high]) => FIRST + high - low + 1);
  }

  guide(bars) {
    return new Parts(this, bars);
  }

  ends() {
    return false;
  }

  decode(steps) {
    const { ranges, usual, grid } = this;
    const rows = ranges.flatMap(([low], part) => {
      const found = [];
      let sounding = null;
      steps.forEach((step, frame) => {
        const value = step[part];
        if (value >= FIRST) found.push((sounding = [frame, 1, low + value - FIRST, VELOCITY, part]));
        else if (value === HELD && sounding) sounding[1] += 1;
        else sounding = null;
      });
      return found;
    });
    const by = within(
      usual.by,
      rows.map(([, , pitch]) => pitch),
    );
    return {
      notes: ordered(rows.map(([start, length, pitch, ...rest]) => [start, length, pitch + by, ...rest])),
      ticks: grid,
      length: Math.max(steps.length, 1),
      parts: usual.parts,
      metres: [[0, ...usual.metre]],
      keys: [[0, ...usual.key]],
      tempos: [[0, usual.tempo]],
      chords: [],
    };
  }
}

// A place in a tune of several voices.
class Parts extends Guide {
  constructor(codec, bars) {
    super();
    this._codec = codec;
    this._bars = new Bars(bars, codec.usual, codec.grid);
    this._frame = 0;
    this._sounding = codec.sizes.map(() => false);
    this._voices = codec.sizes.map((size) => new Float32Array(size - FIRST + 1)); // whether it begins, then its pitch
  }

  covariates() {
    return [
      ...this._bars.covariates(this._frame),
      ...this._voices.flatMap((voice) => [...voice]),
      ...this._codec.usual.place,
    ];
  }

  mask() {
    return Uint8Array.from(
      this._codec.sizes.flatMap((size, part) =>
        Array.from({ length: size }, (_, value) => value !== HELD || this._sounding[part]),
      ),
    );
  }

  most() {
    return Math.max(0, this._bars.end - this._frame);
  }

  read(step) {
    step.forEach((value, part) => {
      const voice = this._voices[part];
      if (value === HELD) voice[0] = 0;
      else {
        voice.fill(0);
        if (value >= FIRST) voice[0] = voice[1 + value - FIRST] = 1;
      }
      this._sounding[part] = value >= FIRST || (value === HELD && this._sounding[part]);
    });
    this._frame += 1;
  }
}
