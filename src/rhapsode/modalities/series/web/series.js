// Series ⇄ steps. The twin of the codec `series`, and of `series.guide`.

import { log, rint, total } from "../../../arithmetic/doubles.js";
import { FEWEST, MOST, Values } from "../values.js";
import { Frequency } from "./frequency.js";

const [SMALLEST, GREATEST] = [1e-12, 1e15]; // of a scale
const LIMIT = 10; // distances are read no greater than that, in scales
const [HOUR, DAY] = [3600, 86400];

export class Series {
  // data: what the model file says of its codec.
  constructor({ frequency, counts, scale, example }) {
    this.frequency = new Frequency(frequency);
    this.counts = counts;
    this.known = Math.min(Math.max(this.frequency.season, 4), 24); // values that a series begins with, not predicted
    this.kind = new Values({ memory: 2 / (this.known + 1), scale, counts });
    this._lags = lags(this.frequency);
    const start = typeof example.start === "number" ? example.start : Date.parse(`${example.start.replace(" ", "T")}Z`) / 1000;
    this.example = { name: example.name, start, values: example.values.map((value) => value ?? NaN) };
  }

  // Why a series cannot be forecast; empty if it can.
  refusal({ values }) {
    if (values.length <= this.known) return `it has ${values.length} values, and more than ${this.known} are needed`;
    const there = values.filter((value) => !Number.isNaN(value));
    if (this.counts && there.some((value) => value < 0 || value > MOST || value % 1)) {
      return `the model's values are counts: whole numbers from 0 to ${MOST.toLocaleString("en")}`;
    }
    const begun = values.slice(0, this.known);
    if (begun.every(Number.isNaN)) return `all of its first ${this.known} values are missing`;
    if (!this.counts && this._first(this._from(begun)).scale <= SMALLEST) return "it does not change at its beginning";
    return "";
  }

  // What comes before the first value that is drawn: { guide, steps, origin }. series: { values, start }; the codec's own
  // example, of which no more than the beginning is known, has no steps.
  begin({ values, start }) {
    const origin = this.origin(values.slice(0, this.known));
    const known = values.slice(0, this.known).map((value) => value - origin);
    let frame = this._first(known);
    const guide = new SeriesGuide(this, known, start, frame);
    const steps = values.slice(this.known).map((value) => {
      const step = this.kind.step(frame, value - origin);
      frame = this.kind.after(step);
      return step;
    });
    return { guide, steps, origin };
  }

  // What the values of a series are measured from, by its first ones.
  origin(known) {
    return this.counts ? 0 : mean(known);
  }

  _from(known) {
    const origin = this.origin(known);
    return known.map((value) => value - origin);
  }

  _first(known) {
    const scale = mean(known.map(Math.abs));
    const cut = Math.min(Math.max(scale, this.counts ? FEWEST : SMALLEST), GREATEST);
    return { level: 0, scale: Math.fround(cut) };
  }
}

// A place in a series. Its numbers are the calendar's, the age, and earlier values, measured as the value to come will be.
class SeriesGuide {
  constructor(codec, known, start, frame) {
    Object.assign(this, { codec, start, frame, values: known });
  }

  covariates() {
    const { values, codec, frame: { level, scale } } = this;
    const count = values.length;
    const earlier = codec._lags.map((lag) => {
      const distance = ((lag <= count ? values[count - lag] : NaN) - level) / scale;
      return Number.isNaN(distance) ? 0 : Math.max(-LIMIT, Math.min(LIMIT, distance));
    });
    return [...codec.frequency.calendar(this.start, count), ...[log(1 + count) / 8, ...earlier].map(Math.fround)];
  }

  read(step) {
    this.values.push(this.codec.kind.value(step));
    this.frame = this.codec.kind.after(step);
  }

  copy() {
    return new SeriesGuide(this.codec, [...this.values], this.start, this.frame);
  }
}

// How far back the earlier values lie that are given.
function lags({ unit, every, season }) {
  const found = new Set([1, 2, 3]);
  if (season > 1) for (const lag of [season - 1, season, season + 1, 2 * season]) found.add(lag);
  if (unit === "second" && every <= HOUR) found.add(rint((7 * DAY) / every));
  return [...found].filter(Boolean).sort((one, other) => one - other);
}

function mean(values) {
  const there = values.filter((value) => !Number.isNaN(value));
  return total(there) / there.length;
}

// Of numbers in any order, that below which this share of them lies.
export function quantile(values, level) {
  const sorted = [...values].sort((one, other) => one - other);
  const at = level * (sorted.length - 1);
  const [low, part] = [Math.floor(at), at - Math.floor(at)];
  const [a, b] = [sorted[low], sorted[Math.min(low + 1, sorted.length - 1)]];
  return part < 0.5 ? a + (b - a) * part : b - (b - a) * (1 - part);
}
