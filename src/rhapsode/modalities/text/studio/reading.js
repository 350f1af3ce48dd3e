// What the model makes of the text: kept up to date while the text changes, from the first token that changed.

import { ask } from "../../../studio/api.js";
import { difference } from "./tree.js";

const BACK = 8; // tokens before a change that are read once more: they may be others now
const TOP = 10;

export class Reading {
  // shown: is called with the tokens, when they are known.
  constructor(model, shown) {
    this.model = model;
    this.shown = shown;
    this.text = "";
    this.tokens = []; // { begin, end, token, nats, whole, entropy, rank, points }, in code units
    this.likely = new Map(); // "number" → the likeliest tokens there
    this.wanted = null;
    this.busy = null;
  }

  // The text has changed: what is known of its beginning stays.
  change(text) {
    const { at } = difference(this.text, text);
    let keep = this.tokens.length;
    while (keep && this.tokens[keep - 1].end > at) keep--;
    this.tokens = this.tokens.slice(0, keep);
    this.text = text;
    this.likely.clear();
  }

  // Reads what is not known yet. Later calls wait for earlier ones, and only the last text is read.
  async read() {
    this.wanted = this.text;
    while (this.busy) await this.busy;
    if (this.wanted === null) return;
    const text = this.wanted;
    this.wanted = null;
    this.busy = this.#read(text);
    try {
      await this.busy;
    } finally {
      this.busy = null;
    }
  }

  async #read(text) {
    let begin = Math.max(0, this.tokens.length - BACK);
    if (this.text !== text) return;
    let answer = await ask("/api/read", { model: this.model, prompt: text, begin, top: 0 });
    const before = this.tokens[begin - 1];
    if (begin && answer.tokens.length && answer.tokens[0].offset !== before.points) {
      begin = 0;
      answer = await ask("/api/read", { model: this.model, prompt: text, top: 0 });
    }
    if (this.text !== text) return; // it has changed meanwhile, and is read again
    const unit = units(text);
    const found = answer.tokens.map((one, n) => {
      const points = answer.tokens[n + 1]?.offset ?? unit.length - 1;
      const { token, nats, entropy, rank } = one;
      return { begin: unit[one.offset], end: unit[points], points, token, nats, entropy, rank };
    });
    this.tokens = [...this.tokens.slice(0, begin), ...found];
    // A character of several tokens (of bytes) lies at the first of them, and is as surprising as all together.
    for (let n = this.tokens.length - 1; n >= 0; n--) {
      const [own, next] = [this.tokens[n], this.tokens[n + 1]];
      own.whole = own.nats + (next && next.begin === next.end ? next.whole : 0);
    }
    this.shown(this.tokens);
  }

  // The likeliest tokens in the place of token number n: [{ token, share }].
  async choices(n, signal) {
    if (!this.likely.has(n)) {
      const body = { model: this.model, prompt: this.text, begin: n, end: n + 1, top: TOP };
      const { tokens } = await ask("/api/read", body, signal);
      this.likely.set(n, (tokens[0]?.top ?? []).map(([token, log]) => ({ token, share: Math.exp(log) })));
    }
    return this.likely.get(n);
  }

  get bits() {
    return this.tokens.reduce((sum, { nats }) => sum + nats, 0) / Math.LN2;
  }
}

// For each character, and for the end: where it begins, in code units.
export function units(text) {
  const found = [0];
  for (const character of text) found.push(found.at(-1) + character.length);
  return found;
}
