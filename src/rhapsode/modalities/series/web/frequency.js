// How far apart in time values are, and what the calendar says of each. The twin of `series.frequency`.
//
// A time is a number: seconds since 1970, or whatever a table's numbers count.

import { cosine, rint, sine } from "../../../arithmetic/doubles.js";

const [HOUR, DAY, WEEK] = [3600, 86400, 604800];
const YEAR = 365.2425;
const OFF = 0.1; // of the distance between rows: a time farther than that from where a row belongs is not on the grid

const modulo = (n, length) => ((n % length) + length) % length;
const monthOf = (seconds) => {
  const date = new Date(1000 * seconds);
  return 12 * (date.getUTCFullYear() - 1970) + date.getUTCMonth();
};
const beginOf = (month) => Date.UTC(1970 + Math.floor(month / 12), modulo(month, 12)) / 1000;
const weekday = (day) => modulo(day + 3, 7); // from Monday on; days since 1970

export class Frequency {
  // json: [unit, every, season], as the model file has it.
  constructor([unit, every, season]) {
    Object.assign(this, { unit, every, season });
  }

  // The time of a place; that of place 0 is `start`.
  time(start, place) {
    const { unit, every } = this;
    if (unit === "number") return start + place * every;
    if (unit === "second") return start + Math.trunc(place * every);
    if (unit === "weekday") return this._weekday(start, place);
    const month = monthOf(start) + place * Math.trunc(every);
    const into = start - beginOf(monthOf(start));
    const [day, rest] = [into - (into % DAY), into % DAY];
    const last = beginOf(month + 1) - DAY;
    const endsMonth = beginOf(monthOf(start) + 1) - (start - rest) === DAY;
    // The 30th of January is followed by the last of February.
    return (endsMonth ? last : Math.min(beginOf(month) + day, last)) + rest;
  }

  _weekday(start, place) {
    let day = Math.floor(start / DAY);
    if (weekday(day) > 4) day += 7 - weekday(day); // on the next Monday
    const from = weekday(day) + place;
    return (day - weekday(day) + 7 * Math.floor(from / 5) + modulo(from, 5)) * DAY + (start - DAY * Math.floor(start / DAY));
  }

  // Where a time belongs, if `first` is at 0; null if it is not on the grid.
  place(first, time) {
    const exact = this._exact(first, time);
    const place = rint(exact);
    return Math.abs(exact - place) > OFF ? null : place;
  }

  _exact(first, time) {
    const { unit, every } = this;
    if (unit === "month") return (monthOf(time) - monthOf(first)) / every;
    if (unit !== "weekday") return (time - first) / every;
    const [from, to] = [first, time].map((one) => Math.floor(one / DAY));
    const before = (day) => 5 * Math.floor((day + 3) / 7) + Math.min(weekday(day), 5); // days from Monday to Friday
    return before(to) - before(from) + (weekday(to) > 4 ? 0.5 : 0);
  }

  // What is known ahead of a place: float32 numbers.
  calendar(start, place) {
    const { unit, every, season } = this;
    if (unit === "number") return cycle(place + rint(start / every), season);
    const time = this.time(start, place);
    if (unit === "month") return cycle(Math.floor(monthOf(time) / Math.trunc(every)), rint(12 / every));
    const found = waves(time / (DAY * YEAR), 2);
    if (every < WEEK) found.push(...cycle(Math.floor(time / DAY) + 3, 7));
    if (every < DAY) found.push(...(every >= HOUR ? cycle(Math.floor(time / HOUR), 24) : waves(time / DAY, 4)));
    return found;
  }

  // A time for people and for files: a date where there is no hour.
  said(time) {
    if (this.unit === "number") return String(time);
    return new Date(1000 * time).toISOString().slice(0, 19).replace("T00:00:00", "").replace("T", " ");
  }
}

// A place in a cycle.
function cycle(n, length) {
  if (length <= 1) return [];
  if (length > 24) return waves(n / length, 4);
  return Array.from({ length }, (_, at) => (at === modulo(n, length) ? 1 : 0));
}

// Sines and cosines, of so many frequencies.
function waves(turns, count) {
  const angles = Array.from({ length: count }, (_, n) => turns * (n + 1)).map((angle) => angle - Math.floor(angle));
  return [...angles.map(sine), ...angles.map(cosine)].map(Math.fround);
}
