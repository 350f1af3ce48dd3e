// A text as the model reads and writes it: symbol by symbol, with the surprise at each.

import { Choice, NEUTRAL } from "../../../arithmetic/choice.js";
import { Randomness } from "../../../arithmetic/randomness.js";
import { logitsOf } from "../../../export/page/heads.js";
import { Reader } from "../../../export/page/reader.js";
import { Decoder, codecOf, textOf } from "./codecs.js";
import { Units } from "./units.js";

const EACH = 16; // the place before each so many symbols is kept

export class Writer {
  // about, tensors: of the model, as `rhapsode.modalities.text.web` wrote it.
  constructor(network, about, tensors) {
    const logits = logitsOf(about, tensors);
    this._choice = () => new Choice(logits(this.reader.parameters)); // among the next symbols
    this.codec = codecOf(about.codec);
    this.lines = about.lines;
    this.reader = new Reader(network, about, new Units(about, this.codec));
    this.decoder = new Decoder(this.codec);
    this.symbols = []; // each: { symbol, nats, text, rest, high }
    this.given = 0; // how many of them are the prompt
    this.places = [this.reader.save()];
    this.begin({});
  }

  // How the next symbols are drawn. The n-th after the prompt takes the n-th random number of the seed.
  begin({ seed = 0, sampling = {}, ignoreEnd = false }) {
    Object.assign(this, { sampling, ignoreEnd, randomness: new Randomness(seed) });
  }

  // Makes this text the prompt. Returns how many symbols are as they were; all after these are new.
  prompt(text) {
    const wanted = this.codec.encode(text);
    let same = 0;
    while (same < Math.min(wanted.length, this.symbols.length) && this.symbols[same].symbol === wanted[same]) same += 1;
    this.cut(same);
    for (const symbol of wanted.slice(same)) this.take(symbol);
    this.given = wanted.length;
    return same;
  }

  // Only the first so many symbols.
  cut(count) {
    if (count === this.symbols.length) return;
    this._go(count);
    this.symbols.length = count;
    this.places.length = Math.floor(count / EACH) + 1;
    this.given = Math.min(this.given, count);
  }

  // Reads a symbol.
  take(symbol) {
    const before = this.symbols.at(-1);
    const nats = this._choice().nats(symbol);
    this.decoder.high = before ? before.high : null;
    const bytes = (before ? before.rest : "") + this.decoder.feed(symbol);
    const end = complete(bytes);
    this.symbols.push({
      symbol,
      nats,
      text: textOf(bytes.slice(0, end)),
      rest: bytes.slice(end),
      high: this.decoder.high,
    });
    this.reader.read(symbol);
    if (this.symbols.length % EACH === 0) this.places.push(this.reader.save());
  }

  // Draws a symbol and reads it. Returns whether another one may follow.
  draw() {
    this.randomness.step = this.symbols.length - this.given;
    const before = this.symbols.slice(-NEUTRAL.repetition_window).map(({ symbol }) => symbol);
    const choice = this._choice().adjust(this.sampling, before);
    this.take(choice.draw(this.randomness.word()));
    return !this.ended;
  }

  // Whether a document has ended, or the line where lines are what the model writes.
  get ended() {
    const last = this.symbols.at(-1);
    if (!last || this.ignoreEnd || this.symbols.length === this.given) return false;
    return this.lines ? last.text.endsWith("\n") : last.symbol === this.codec.end;
  }

  // The likeliest symbols at a place of the text: [{ symbol, probability }].
  likeliest(at, count) {
    const back = this.reader.save();
    this._go(at);
    const choice = this._choice();
    this.reader.load(back);
    return choice.likeliest(count).map((symbol) => ({ symbol, probability: choice.probability(symbol) }));
  }

  get text() {
    return this.symbols.map(({ text }) => text).join("");
  }

  // The reader stands before the symbol `at`.
  _go(at) {
    const begin = Math.floor(at / EACH);
    this.reader.load(this.places[begin]);
    for (let n = begin * EACH; n < at; n++) this.reader.read(this.symbols[n].symbol);
  }
}

// How many of these bytes are complete characters: the first bytes of another one may be at the end.
function complete(bytes) {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes.charCodeAt(bytes.length - back);
    if (byte < 0x80) break;
    if (byte >= 0xc0) return bytes.length - (back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? back : 0);
  }
  return bytes.length;
}
