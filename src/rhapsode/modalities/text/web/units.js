// Where units begin in a text that is read symbol by symbol, by the reset policy: as in `rhapsode.inference.units`.

import { Decoder } from "./codecs.js";

const LONGEST = 4096; // bytes of a line that a rule looks at

export class Units {
  // about: `every`, `end` (or null) and `rule`, a regular expression that lines before a unit match, or null.
  constructor({ every, end, rule }, codec) {
    this.every = every;
    this.end = end;
    this.rule = rule && new RegExp(rule.pattern, rule.flags);
    this.decoder = new Decoder(codec);
    this.begin();
  }

  // A document begins.
  begin() {
    this.length = 0;
    this.line = "";
    this.decoder.high = null;
  }

  // Takes the next symbol. Returns whether a unit begins after it.
  read(symbol) {
    if (symbol === this.end) {
      this.begin();
      return true;
    }
    this.length += 1;
    const begins = this.rule ? this._scan(this.decoder.feed(symbol)) : this.length === this.every;
    if (begins) this.length = 0;
    return begins;
  }

  save() {
    return { length: this.length, line: this.line, high: this.decoder.high };
  }

  load({ length, line, high }) {
    this.length = length;
    this.line = line;
    this.decoder.high = high;
  }

  // Whether one of the lines that these bytes end is one before a unit.
  _scan(bytes) {
    const lines = (this.line + bytes).split("\n");
    this.line = lines.pop().slice(0, LONGEST);
    return lines.some((line) => this.rule.test(line.slice(0, LONGEST)));
  }
}
