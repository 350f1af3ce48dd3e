// What of the text stands in the text that the model was trained on, and where.

import { element } from "../../../export/page/dom.js";
import { ask } from "../../../studio/api.js";
import { say } from "../../../studio/studio.js";
import { t } from "../../../studio/texts.js";
import { units } from "./reading.js";
import { difference } from "./tree.js";

const LEAST = 10; // characters of a span: shorter ones are in every text
const STRONGEST = 80; // characters of those that are darkest
const SHADES = 9;
const MOST = 200_000; // characters of a text
const QUOTED = 60; // characters of the longest span

// The class of a span.
export const shade = ({ chars }) => {
  const strength = Math.log2(chars / LEAST) / Math.log2(STRONGEST / LEAST);
  return `c${Math.max(1, Math.min(SHADES, Math.round(1 + (SHADES - 1) * strength)))}`;
};

const percent = (share) => `${(100 * share).toFixed(share > 0 && share < 0.0995 ? 1 : 0)} %`;
const quoted = (text) => (text.length > QUOTED ? `${text.slice(0, QUOTED)}…` : text).replace(/\s+/g, " ");

export class Copies {
  // changed: is called when the spans are known, or cannot be.
  constructor(model, changed) {
    Object.assign(this, { model, changed, text: null, spans: [], marks: [], told: "" });
  }

  // The text has changed: what is known of its beginning stays.
  change(text) {
    if (text === this.text) return;
    const { at } = difference(this.text ?? "", text);
    this.#show(this.spans.filter(({ end }) => end <= at));
    this.text = null;
  }

  // Looks the text up, if that has not been done.
  async read(text) {
    if (text === this.text) return;
    this.asked?.abort();
    const own = (this.asked = new AbortController());
    if (text.length > MOST) return this.#known(text, [], t("write.novelty.large", { most: MOST.toLocaleString("en") }));
    try {
      const answer = await ask("/api/novelty", { model: this.model, prompt: text, least: LEAST }, own.signal);
      if (own.signal.aborted) return;
      if (answer.why) return this.#known(text, [], t("write.novelty.none", { why: answer.why }));
      const unit = units(text);
      const spans = answer.spans.map(([start, chars]) => ({ begin: unit[start], end: unit[start + chars], chars }));
      this.#known(text, spans, summary(answer));
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    }
  }

  #known(text, spans, told) {
    Object.assign(this, { text, told });
    this.#show(spans);
    this.changed();
  }

  // Of spans that overlap, the longer one counts.
  #show(spans) {
    this.spans = spans;
    const owner = new Int32Array(spans.reduce((most, { end }) => Math.max(most, end), 0)).fill(-1);
    const order = spans.map((_, n) => n).sort((one, other) => spans[one].chars - spans[other].chars);
    for (const n of order) owner.fill(n, spans[n].begin, spans[n].end);
    this.marks = [];
    for (let begin = 0, end; begin < owner.length; begin = end) {
      for (end = begin + 1; end < owner.length && owner[end] === owner[begin]; ) end++;
      if (owner[begin] >= 0) this.marks.push({ begin, end, chars: spans[owner[begin]].chars, span: spans[owner[begin]] });
    }
  }

  // The span that covers a code unit; null if none does.
  at(unit) {
    return this.marks.find(({ begin, end }) => begin <= unit && unit < end)?.span ?? null;
  }

  // Where a span stands in the training text.
  async place({ begin, end }, signal) {
    const prompt = this.text.slice(begin, end);
    const { longest } = await ask("/api/novelty", { model: this.model, prompt, least: 100 }, signal);
    return longest;
  }

  stop() {
    this.asked?.abort();
  }
}

function summary({ chars, in_spans, longest, held_out }) {
  if (!chars || !longest) return t("write.novelty.nothing");
  const where = place(longest.from);
  const values = { share: percent(in_spans[20]), chars: longest.chars.toLocaleString("en"), text: quoted(longest.text), where };
  const held = held_out && { half: percent(held_out.half.in_spans[20]), most: percent(held_out.most.in_spans[20]) };
  return [t("write.novelty.told", values), held ? t("write.novelty.held", held) : ""].join(" ");
}

const place = ({ name, line }) => t("write.novelty.place", { name, line: line.toLocaleString("en") });

// Where the span that one points at stands in the training text.
export class Copied {
  constructor() {
    this.told = element("p", { class: "quiet" });
    this.words = element("p", { class: "around" });
    this.element = element("div", { class: "popup copied paper", hidden: "" }, this.told, this.words);
    this.here = null;
  }

  // box: of the place that one points at, in the window. put: puts the element there.
  async show(copies, span, put) {
    if (this.here === span) return;
    this.asked?.abort();
    this.here = span;
    const own = (this.asked = new AbortController());
    const found = await copies.place(span, own.signal);
    if (this.here !== span || !found) return;
    const { before, after, text } = found;
    const count = span.chars.toLocaleString("en");
    this.told.textContent = t("write.novelty.span", { chars: count, where: place(found.from) });
    const middle = text.length > 4 * QUOTED ? `${text.slice(0, 2 * QUOTED)} … ${text.slice(-2 * QUOTED)}` : text;
    this.words.replaceChildren(`… ${before}`, element("b", {}, middle), `${after} …`);
    this.element.hidden = false;
    put();
    say(this.told.textContent);
  }

  hide() {
    this.asked?.abort();
    this.here = null;
    this.element.hidden = true;
  }
}
