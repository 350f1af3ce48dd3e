// The codec `performance`: a step is an event: a key goes down or up, time passes, loudness changes.

import { Guide } from "../../../export/page/guide.js";
import { separate } from "../player/tune.js";

const [END, LONGEST] = [0, 100];
const LOUDNESS = LONGEST + 1;
const [TEMPO, TICKS] = [120, 50];

export class Performance {
  constructor({ lowest, places, velocities, levels }, usual) {
    Object.assign(this, { lowest, places, velocities, levels, usual });
    this.down = LOUDNESS + levels.length;
    this.up = this.down + places;
  }

  guide(bars) {
    return new Keys(this, Math.max(1, bars * this.usual.bar)); // a frame is a tick
  }

  ends(step) {
    return step === END;
  }

  decode(steps) {
    const rows = [];
    const sounding = new Map(); // pitch → since when, how loud
    let [now, loudness] = [0, this._velocity(this.levels.length >> 1)];
    const release = (pitch) => {
      const [start, velocity] = sounding.get(pitch) ?? [now, 0];
      sounding.delete(pitch);
      if (start < now) rows.push([start, now - start, pitch, velocity, 0]);
    };
    for (const step of steps) {
      if (step === END) break;
      if (step < LOUDNESS) now += step;
      else if (step < this.down) loudness = this._velocity(step - LOUDNESS);
      else if (step < this.up) {
        const pitch = this.lowest + step - this.down;
        release(pitch);
        sounding.set(pitch, [now, loudness]);
      } else release(this.lowest + step - this.up);
    }
    for (const pitch of [...sounding.keys()]) release(pitch);
    const parts = [{ name: "", program: 0 }];
    return {
      notes: separate(rows),
      ticks: TICKS,
      length: Math.max(now, 1),
      parts,
      metres: [],
      keys: [],
      tempos: [[0, TEMPO]],
      chords: [],
    };
  }

  // In the middle of a level.
  _velocity(level) {
    const [first, after] = [0, 1].map((more) => Math.ceil((128 * (this.levels[level] + more)) / this.velocities));
    return Math.max(1, (first + after - 1) >> 1);
  }
}

// The keys of a piano, for a known time.
class Keys extends Guide {
  constructor(codec, end) {
    super();
    Object.assign(this, { _codec: codec, _end: end, _now: 0, _loudness: -1 });
    this._chosen = false; // whether the last event was a level, so that a key goes down next
    this._passed = false; // whether it was the last of a time that passes, so that something happens next
    this._order = -1; // of this frame's events: first keys go up, then down, the lower first
    this._sounding = new Uint8Array(codec.places);
    this._struck = new Uint8Array(codec.places); // since this frame
  }

  mask() {
    const {
      _codec: { places, levels },
      _loudness: loudness,
      _order: order,
      _sounding: sounding,
      _struck: struck,
    } = this;
    const left = Math.max(0, this._end - this._now);
    const free = !this._chosen;
    const down = Array.from({ length: places }, (_, key) => !sounding[key] && left > 0 && key + places > order);
    const up = Array.from({ length: places }, (_, key) => sounding[key] && !struck[key] && key > order);
    const first = up.indexOf(true);
    const may = left ? up : up.map((_, key) => key === first); // at the end all that sound, one after another
    return Uint8Array.from([
      free && !left && !may.includes(true),
      ...Array.from({ length: LONGEST }, (_, n) => n + 1 <= left && free && !this._passed),
      ...levels.map((_, level) => level !== loudness && free && down.includes(true)),
      ...down.map((each) => each && loudness >= 0),
      ...may.map((each) => each && free),
    ]);
  }

  most() {
    const { places } = this._codec;
    return (3 * places + 1) * Math.max(0, this._end - this._now) + places + 1;
  }

  read(step) {
    const { down, up, places } = this._codec;
    this._chosen = step >= LOUDNESS && step < down;
    this._passed = step > END && step < LONGEST;
    if (step === END) return;
    if (step < LOUDNESS) {
      this._now += step;
      this._order = -1;
      this._struck.fill(0);
    } else if (step < down) this._loudness = step - LOUDNESS;
    else {
      const goesDown = step < up;
      const key = step - (goesDown ? down : up);
      this._order = step - up + (goesDown ? 2 * places : 0);
      this._sounding[key] = Number(goesDown);
      if (goesDown) this._struck[key] = 1;
    }
  }
}
