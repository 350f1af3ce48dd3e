// A text that is written into, with a shade and an ink below each character: a text area without colour, and the same
// text behind it, line by line. Only lines that changed are drawn again, and neighbours that look alike are one span:
// where a browser lays a line out, its spans are what costs.

import { element } from "../../../export/page/dom.js";
import { MODEL } from "./tree.js";

const PER_BIT = 1.25; // shades
const SHADES = 9;
const GHOST = "ghost"; // the shade of what is suggested
const HERE = " here"; // and what it has besides where it is framed

export const surprise = ({ whole }) => `s${Math.min(SHADES, Math.floor((PER_BIT * whole) / Math.LN2))}`;
const same = (one, other) => one[0] === other[0] && one[1] === other[1] && one[2] === other[2];

export class Sheet {
  // labels: { label, placeholder }. colour: of a token or a mark, the class of its span.
  constructor({ label, placeholder }, colour = surprise) {
    this.colour = colour;
    this.area = element("textarea", {
      "aria-label": label,
      placeholder,
      spellcheck: "false",
      autocapitalize: "off",
      autocomplete: "off",
      rows: "1",
    });
    this.back = element("div", { class: "back", "aria-hidden": "true" });
    this.element = element("div", { class: "sheet paper" }, this.back, this.area);
    this.lines = []; // { div, parts, start }
    this.tokens = []; // { begin, end, nats, … }, in code units
    this.marks = null; // what is coloured in the place of tokens: { begin, end, … }; null for the tokens
    this.ghost = "";
    this.marked = null; // the token that is framed
  }

  get text() {
    return this.area.value;
  }

  get cursor() {
    return this.area.selectionEnd;
  }

  // Shows a text. authors: whose each code unit is. cursor: where to go on.
  show(text, authors, cursor = null) {
    if (this.area.value !== text) {
      const { selectionStart, selectionEnd } = this.area;
      this.area.value = text;
      this.area.setSelectionRange(selectionStart, selectionEnd);
    }
    if (cursor !== null) this.area.setSelectionRange(cursor, cursor);
    this.authors = authors;
    this.paint();
  }

  // The number of the token that covers a code unit; -1 if that is not known.
  token(at) {
    let low = 0;
    let high = this.tokens.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.tokens[middle].end <= at) low = middle + 1;
      else high = middle;
    }
    return low < this.tokens.length && this.tokens[low].begin <= at ? low : -1;
  }

  paint() {
    const text = this.area.value;
    const lines = text.split("\n");
    const shown = this.marks ?? this.tokens;
    let start = 0;
    let token = 0;
    for (let n = 0; n < lines.length; n++) {
      const end = start + lines[n].length;
      while (token < shown.length && shown[token].end <= start) token++;
      const parts = [];
      for (let at = start; at < end; ) {
        const one = shown[token];
        let next = end;
        let shade = "";
        if (one && one.begin <= at) {
          next = Math.min(end, one.end);
          shade = this.colour(one);
          if (one === this.marked) shade += HERE;
          while (token < shown.length && shown[token].end <= next) token++;
        } else if (one) next = Math.min(end, one.begin);
        for (let from = at; from < next; ) {
          const by = this.authors[from] ?? 0;
          let to = from + 1;
          while (to < next && (this.authors[to] ?? 0) === by) to++;
          const last = parts.at(-1);
          if (last?.[1] === shade && last[2] === by) last[0] += text.slice(from, to);
          else parts.push([text.slice(from, to), shade, by]);
          from = to;
        }
        at = next;
      }
      const ghost = n === lines.length - 1 ? this.ghost : "";
      this.#line(n, start, parts, ghost);
      start = end + 1;
    }
    for (const { div } of this.lines.splice(lines.length)) div.remove();
  }

  // Draws a line. Only the spans that changed are made anew: most of the time, one key changed one.
  #line(n, start, parts, ghost) {
    if (ghost) parts.push([ghost, GHOST, 0]);
    let line = this.lines[n];
    if (!line) {
      line = { div: element("div", {}, document.createElement("br")), parts: [], start };
      this.lines.push(line);
      this.back.append(line.div);
    }
    line.start = start;
    const old = line.parts;
    const most = Math.min(old.length, parts.length);
    let before = 0;
    while (before < most && same(old[before], parts[before])) before++;
    let after = 0;
    while (after < most - before && same(old.at(-1 - after), parts.at(-1 - after))) after++;
    if (before + after === old.length && before + after === parts.length) return;
    const made = parts.slice(before, parts.length - after).map(([text, shade, by]) =>
      element("span", { class: `${shade}${by === MODEL ? " model" : ""}` }, text),
    );
    const { div } = line;
    if (!old.length || !parts.length) div.replaceChildren(...(made.length ? made : [document.createElement("br")]));
    else {
      for (let count = old.length - before - after; count; count--) div.children[before].remove();
      const next = div.children[before];
      if (next) next.before(...made);
      else div.append(...made);
    }
    line.parts = parts;
  }

  // The code unit that is drawn at a point of the window; null if there is none.
  at(x, y) {
    const line = this.lines.find(({ div }) => {
      const { top, bottom } = div.getBoundingClientRect();
      return top <= y && y < bottom;
    });
    if (!line) return null;
    let at = line.start;
    for (const span of line.div.children) {
      if (span.className === "ghost" || !span.firstChild) break;
      const length = span.textContent.length;
      const over = (begin, end) => this.#boxes(span.firstChild, begin, end).some((box) => inside(box, x, y));
      if (over(0, length)) {
        let [begin, end] = [0, length];
        while (end - begin > 1) {
          const middle = (begin + end) >> 1;
          if (over(begin, middle)) end = middle;
          else begin = middle;
        }
        return at + begin;
      }
      at += length;
    }
    return null;
  }

  #boxes(node, begin, end) {
    const range = document.createRange();
    range.setStart(node, begin);
    range.setEnd(node, end);
    return Array.from(range.getClientRects());
  }

  // Frames a token; null for none.
  mark(n) {
    this.marked = this.tokens[n] ?? null;
    this.paint();
  }

  // Scrolls the sheet, where it is higher than its place, to what is framed.
  reveal() {
    const box = this.back.querySelector(".here")?.getBoundingClientRect();
    if (!box) return;
    const around = this.element.getBoundingClientRect();
    if (box.top < around.top) this.element.scrollTop += box.top - around.top - 2 * box.height;
    else if (box.bottom > around.bottom) this.element.scrollTop += box.bottom - around.bottom + 2 * box.height;
  }

  // The line of a code unit, its span, and where it is in that; no span at the end of a line.
  #place(at) {
    const line = this.lines.findLast(({ start }) => start <= at) ?? this.lines[0];
    let begin = line.start;
    for (const span of line.div.children) {
      const end = begin + span.textContent.length;
      if (at < end) return { line, span, from: at - begin };
      begin = end;
    }
    return { line, span: null };
  }

  // The box of a code unit in the window; of the end of the text, that of the cursor.
  box(at) {
    const { line, span, from } = this.#place(at);
    const [box] = span ? this.#boxes(span.firstChild, from, from + 1) : [];
    if (box) return box;
    const { right, left, bottom, height } = (line.div.lastElementChild ?? line.div).getBoundingClientRect();
    return new DOMRect(line.div.textContent ? right : left, bottom - height, 0, height);
  }
}

const inside = (box, x, y) => box.left <= x && x < box.right && box.top <= y && y < box.bottom;
