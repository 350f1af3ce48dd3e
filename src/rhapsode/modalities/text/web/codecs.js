// The codecs of text: characters ⇄ symbols, as in `rhapsode.modalities.text.codecs`.
//
// Bytes are strings here, of characters U+0000 to U+00FF. A codec has `pieces`, the bytes that each symbol adds to a
// text; `halves`: 16 symbols for the high and 16 for the low halves of bytes follow these; `end`, the symbol of a
// document's end, the last one, where the model knows one.

const HALVES = 32;

export function bytesOf(text) {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join("");
}

// The characters of bytes, U+FFFD for what is not UTF-8.
export function textOf(bytes) {
  return new TextDecoder().decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)));
}

class Codec {
  constructor(pieces, halves, hasEnd) {
    this.pieces = pieces;
    this.halves = halves;
    const size = pieces.length + (halves ? HALVES : 0);
    this.end = hasEnd ? size : null;
    this.size = size + (hasEnd ? 1 : 0);
  }

  // The halves of a character's bytes.
  spelled(character) {
    const first = this.pieces.length;
    return Array.from(bytesOf(character), (byte) => [
      first + (byte.charCodeAt(0) >> 4),
      first + 16 + (byte.charCodeAt(0) & 15),
    ]).flat();
  }

  // A short name of a symbol that can be seen.
  label(symbol) {
    if (symbol === this.end) return "end";
    const half = symbol - this.pieces.length;
    if (half >= 16) return `½·${(half - 16).toString(16).toUpperCase()}`;
    if (half >= 0) return `½${half.toString(16).toUpperCase()}·`;
    const text = textOf(this.pieces[symbol]);
    if (text.includes("\ufffd"))
      return Array.from(this.pieces[symbol], (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, "0")}`).join(
        "",
      );
    return text
      .replaceAll(" ", "␣")
      .replaceAll("\n", "↵")
      .replaceAll("\t", "⇥")
      .replace(/\p{C}/gu, "·")
      .replace(/^\p{M}/u, "◌$&");
  }
}

class Bytes extends Codec {
  constructor(json) {
    super(
      Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)),
      false,
      json.end,
    );
  }

  encode(text) {
    return Array.from(bytesOf(text), (byte) => byte.charCodeAt(0));
  }
}

class Chars extends Codec {
  constructor(json) {
    const characters = Array.from(json.characters);
    super(characters.map(bytesOf), true, json.end);
    this._symbols = new Map(characters.map((character, symbol) => [character, symbol]));
  }

  encode(text) {
    return Array.from(text, (character) => this._symbols.get(character) ?? this.spelled(character)).flat();
  }
}

const MARKS = "\\u0300-\\u036f\\u064b-\\u065f\\u0900-\\u0963\\u0966-\\u109f\\u200c\\u200d";
const LETTERS = "\\p{L}\\p{N}_"; // of a word, to Python
const SPACES = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const TOKEN = new RegExp(` ?(?:[${LETTERS}${MARKS}]{1,32}|[^${LETTERS}${SPACES}])| {1,32}|\\t{1,32}|.`, "gsu");

class Words extends Codec {
  constructor(json) {
    const known = [...json.words, ...Array.from(json.characters)];
    super(known.map(bytesOf), true, json.end);
    this._symbols = new Map(known.map((token, symbol) => [token, symbol]));
  }

  encode(text) {
    const spelled = (token) =>
      Array.from(token, (character) => this._symbols.get(character) ?? this.spelled(character));
    return (text.match(TOKEN) ?? []).map((token) => this._symbols.get(token) ?? spelled(token)).flat(2);
  }
}

const PIECE = / ?(?:[A-Za-z\x80-\xff]{1,48}|[0-9]{1,3}|[!-/:-@[-`{-~]{1,48})| {1,48}|\t{1,48}|[^]/g;

class Bpe extends Codec {
  constructor(json) {
    const pieces = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));
    const symbols = new Map(pieces.map((piece, symbol) => [piece, symbol]));
    const ranks = new Map();
    json.merges.forEach(([one, other], rank) => {
      const piece = pieces[one] + pieces[other];
      if (!symbols.has(piece)) {
        symbols.set(piece, pieces.length);
        pieces.push(piece);
      }
      ranks.set(`${one},${other}`, { rank, symbol: symbols.get(piece) });
    });
    super(pieces, false, json.end);
    this._ranks = ranks;
  }

  encode(text) {
    return (bytesOf(text).match(PIECE) ?? [])
      .map((piece) => this._merged(Array.from(piece, (byte) => byte.charCodeAt(0))))
      .flat();
  }

  // Merges pairs, the earliest merge first.
  _merged(symbols) {
    for (;;) {
      const found = symbols.slice(1).map((other, n) => this._ranks.get(`${symbols[n]},${other}`));
      const first = found.reduce((best, each) => (each && (!best || each.rank < best.rank) ? each : best), null);
      if (!first) return symbols;
      const merged = [];
      for (let n = 0; n < symbols.length; n++) {
        if (found[n]?.rank === first.rank) {
          merged.push(first.symbol);
          n += 1;
        } else merged.push(symbols[n]);
      }
      symbols = merged;
    }
  }
}

const CODECS = { bytes: Bytes, chars: Chars, words: Words, bpe: Bpe };

// The codec of a model. json: as the model file contains it.
export function codecOf(json) {
  return new CODECS[json.name](json);
}

// Symbols → bytes, one after another. It remembers half a byte.
export class Decoder {
  constructor(codec) {
    this.codec = codec;
    this.high = null;
  }

  feed(symbol) {
    const { pieces, end } = this.codec;
    const { high } = this;
    this.high = null;
    if (symbol === end) return "";
    const half = symbol - pieces.length;
    if (half < 0) return pieces[symbol];
    if (half < 16) {
      this.high = half;
      return "";
    }
    return high === null ? "" : String.fromCharCode((high << 4) | (half - 16));
  }
}
