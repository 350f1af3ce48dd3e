// The roll of a tune with its lanes: chords, and the bars that one selects; and the parts, to hear and to select.

import { element } from "../../../export/page/dom.js";
import { t } from "../../../studio/texts.js";
import { roll } from "../player/roll.js";
import { chordsOf, spans } from "./tunes.js";

const LEAST = 16; // pixels of a quarter, where a tune does not fit into the page
const EDGE = 54; // pixels of the roll that are not notes
const clear = (event) => event.stopPropagation(); // what is clicked there is not a place to play from

// The SVG of a text.
const drawn = (text) => document.importNode(new DOMParser().parseFromString(text, "text/html").body.firstChild, true);

export class Score {
  // fills: what of a tune the model draws anew: `fill_bars`, `fill_parts`. harmonic: whether it heeds chords.
  // changed: is called when the selection is another one. chord: with a bar and the text that was written over it.
  constructor({ fills, harmonic, changed, chord }) {
    Object.assign(this, { harmonic, changed, chord });
    this.byBars = fills.includes("fill_bars");
    this.byParts = fills.includes("fill_parts");
    this.bars = new Set(); // that are selected; and parts
    this.parts = new Set();
    this.anchor = this.active = 0; // bars: from which one extends, and to which
    const div = (id, attributes = {}, ...children) => element("div", { id, ...attributes }, ...children);
    this.heard = div("parts", { role: "group", "aria-label": t("compose.parts") });
    this.chosen = div("chosen", { role: "group", "aria-label": t("compose.chosen") });
    this.names = div("names");
    this.lane = element("div", { class: "lane chords", role: "group", "aria-label": t("compose.lane"), click: clear });
    this.ruler = element("div", { class: "lane ruler", click: clear });
    this.notes = div("notes");
    this.shades = element("div", { class: "shades", "aria-hidden": "true" });
    const body = div("body", {}, this.lane, this.ruler, this.shades, this.notes, div("cursor"));
    this.roll = div("roll", { role: "group", tabindex: "0", "aria-label": t("compose.roll") }, this.names, body);
    if (this.byBars) this.#selectable();
    this.lane.addEventListener("keydown", (event) => this.#along(event));
  }

  // tune: as player/tune.js has it. shown: see `music.shown`. Keeps the selection, as far as the tune has it.
  show(tune, shown) {
    this.tune = tune;
    this.spans = spans(shown.bars, tune.length);
    const copied = new Set((shown.copies ?? []).flatMap(({ notes }) => notes));
    this.#draw(tune, shown.drums, copied);
    this.rects = [...this.notes.querySelectorAll(".note")];
    this.barOf = tune.notes.map(([start]) => this.spans.findLastIndex(([begin]) => begin <= start));
    this.anew = [];
    this.#numbers();
    this.#chords();
    this.#parts(shown.sounds);
    const within = (set, count) => new Set([...set].filter((n) => n < count));
    this.bars = within(this.bars, this.spans.length);
    this.parts = within(this.parts, tune.parts.length);
    this.active = Math.min(this.active, this.spans.length - 1);
    this.#paint();
  }

  // Notes of a tune that is being drawn.
  live(tune) {
    this.tune = null;
    this.spans = [];
    this.#draw(tune, {}, new Set());
    for (const one of [this.ruler, this.lane, this.shades, this.heard, this.chosen]) one.replaceChildren();
    this.roll.scrollLeft = this.roll.scrollWidth;
  }

  #draw(tune, drums, marked) {
    const row = this.roll.clientWidth - EDGE;
    const { keys, body, scale } = roll(tune, drums, { row, least: LEAST, bare: true, marked });
    this.scale = scale;
    this.names.replaceChildren(drawn(keys));
    this.notes.replaceChildren(drawn(body));
  }

  get empty() {
    return !this.bars.size && !this.parts.size;
  }

  select(bars, parts) {
    [this.bars, this.parts] = [new Set(bars), new Set(parts)];
    this.#paint();
    this.changed();
  }

  // What was kept is drawn, and the other way round. Of bars, if some are selected; else of parts.
  invert() {
    const others = (set, count) => new Set(Array.from({ length: count }, (_, n) => n).filter((n) => !set.has(n)));
    if (this.bars.size) this.select(others(this.bars, this.spans.length), this.parts);
    else this.select([], others(this.parts, this.tune.parts.length));
  }

  // ---------------------------------------------------------------- Bars

  #numbers() {
    const option = (bar) => ({ role: "option", id: `bar-${bar}`, "aria-label": t("compose.bar", { bar }) });
    this.cells = this.spans.map((span, n) => {
      const own = { class: "cell", ...(this.byBars && option(n + 1)) };
      return this.#placed(element("div", own, String(n + 1)), span);
    });
    this.ruler.replaceChildren(...this.cells);
  }

  #placed(found, [begin, end]) {
    found.style.left = `${begin * this.scale}px`;
    found.style.width = `${(end - begin) * this.scale}px`;
    return found;
  }

  #selectable() {
    const { ruler } = this;
    const said = { role: "listbox", tabindex: "0", "aria-multiselectable": "true", "aria-label": t("compose.ruler") };
    for (const [name, value] of Object.entries(said)) ruler.setAttribute(name, value);
    ruler.addEventListener("keydown", (event) => this.#key(event));
    ruler.addEventListener("pointerdown", (event) => this.#press(event));
    ruler.addEventListener("pointermove", (event) => ruler.hasPointerCapture(event.pointerId) && this.#drag(event));
    ruler.addEventListener("focus", () => this.#paint());
    ruler.addEventListener("blur", () => this.#paint());
  }

  // The bar under the pointer.
  #at(event) {
    const tick = (event.clientX - this.ruler.getBoundingClientRect().left) / this.scale;
    const found = this.spans.findLastIndex(([begin]) => begin <= tick);
    return Math.max(0, found);
  }

  #press(event) {
    if (event.button !== 0 || !this.spans?.length) return;
    event.preventDefault(); // who has a mouse keeps the space bar for playing
    document.activeElement?.blur();
    const bar = this.#at(event);
    this.ruler.setPointerCapture(event.pointerId);
    if (event.ctrlKey || event.metaKey) {
      this.anchor = this.active = bar;
      return this.#toggle(bar);
    }
    if (event.shiftKey) return this.#extend(bar);
    const alone = this.bars.size === 1 && this.bars.has(bar);
    this.anchor = this.active = bar;
    this.select(alone ? [] : [bar], this.parts);
  }

  #drag(event) {
    const bar = this.#at(event);
    if (bar === this.active || event.ctrlKey || event.metaKey) return;
    this.#extend(bar);
    this.cells[bar].scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  #toggle(bar) {
    const bars = new Set(this.bars);
    if (!bars.delete(bar)) bars.add(bar);
    this.select(bars, this.parts);
  }

  #extend(bar) {
    this.active = bar;
    const [first, last] = [Math.min(this.anchor, bar), Math.max(this.anchor, bar)];
    this.select(Array.from({ length: last - first + 1 }, (_, n) => first + n), this.parts);
  }

  #key(event) {
    const count = this.spans?.length ?? 0;
    const to = { ArrowLeft: this.active - 1, ArrowRight: this.active + 1, Home: 0, End: count - 1 }[event.key];
    if (event.altKey || !count) return;
    if (to !== undefined) {
      const bar = Math.min(Math.max(to, 0), count - 1);
      if (event.shiftKey) this.#extend(bar);
      else this.anchor = this.active = bar;
      this.#paint();
      this.cells[bar].scrollIntoView({ block: "nearest", inline: "nearest" });
    } else if (event.key === " ") {
      this.anchor = this.active;
      this.#toggle(this.active);
    } else if (event.key === "Escape") this.select([], []);
    else if (event.key === "a" && (event.ctrlKey || event.metaKey)) this.select(this.cells.keys(), this.parts);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // ---------------------------------------------------------------- Chords

  #chords() {
    this.lane.hidden = !this.harmonic && !this.tune.chords.length;
    this.roll.classList.toggle("harmonic", !this.lane.hidden);
    if (this.lane.hidden) return this.lane.replaceChildren();
    const texts = chordsOf(this.tune, this.spans).map((symbols) => symbols.join(" "));
    const found = texts.map((text, n) => this.#placed(this.#chord(text, n), this.spans[n]));
    this.lane.replaceChildren(...found);
  }

  #chord(text, bar) {
    const { chords } = this.tune;
    const [begin, end] = this.spans[bar];
    const unheard = chords.some(([tick, symbol, pitches]) => tick >= begin && tick < end && symbol && !pitches?.length);
    const kind = unheard ? "unheard" : text ? "" : "held";
    if (!this.harmonic) return element("div", { class: `cell ${kind}` }, text);
    const title = t(unheard ? "compose.unheard" : "compose.lane.title");
    const own = { class: `cell ${kind}`, tabindex: bar ? "-1" : "0", "data-bar": bar, title };
    const label = t("compose.chord", { bar: bar + 1, text: text || t("compose.chord.held") });
    return element("button", { ...own, "aria-label": label, click: () => this.#write(bar, text) }, text || "·");
  }

  #write(bar, text) {
    const button = this.lane.children[bar];
    const own = { type: "text", class: "cell", value: text, maxlength: "100" };
    const input = element("input", { ...own, "aria-label": t("compose.chord.write", { bar: bar + 1 }) });
    this.#placed(input, this.spans[bar]);
    let open = true;
    const end = (take) => {
      if (!open) return;
      open = false;
      const focused = document.activeElement === input;
      input.replaceWith(button);
      if (focused) button.focus();
      if (take && input.value.trim() !== text) this.chord(bar, input.value);
    };
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        end(event.key === "Enter");
      }
    });
    input.addEventListener("blur", () => end(true));
    button.replaceWith(input);
    input.select();
    input.focus();
  }

  // The chord of a bar has the focus.
  focusChord(bar) {
    this.#roving(bar)?.focus();
  }

  #roving(bar) {
    for (const [n, one] of [...this.lane.children].entries()) one.tabIndex = n === bar ? 0 : -1;
    return this.lane.children[bar];
  }

  #along(event) {
    if (!event.target.matches("button")) return;
    const bar = Number(event.target.dataset.bar);
    const last = this.lane.children.length - 1;
    const to = { ArrowLeft: bar - 1, ArrowRight: bar + 1, Home: 0, End: last }[event.key];
    if (to === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.#roving(Math.min(Math.max(to, 0), last)).focus();
  }

  // ---------------------------------------------------------------- Parts

  #parts(sounds) {
    const swatch = (hue) => element("i", { class: hue });
    this.heard.replaceChildren(
      ...sounds.map(({ name, hue, heard }, n) =>
        element("button", { "data-part": n, "aria-pressed": heard }, swatch(hue), name),
      ),
    );
    this.heard.parentElement.hidden = sounds.length < 2;
    this.chosen.hidden = !this.byParts || this.tune.parts.length < 2;
    this.chosen.replaceChildren(
      ...sounds.slice(0, this.tune.parts.length).map(({ name, hue }, n) => {
        const flip = () => {
          const parts = new Set(this.parts);
          if (!parts.delete(n)) parts.add(n);
          this.select(this.bars, parts);
        };
        return element("button", { "data-chosen": n, click: flip }, swatch(hue), name);
      }),
    );
  }

  // ---------------------------------------------------------------- What is selected

  // Whether a note, by its number, is to be drawn anew.
  #anew(n) {
    if (this.empty || (this.parts.size && !this.parts.has(this.tune.notes[n][4]))) return false;
    return !this.bars.size || this.bars.has(this.barOf[n]);
  }

  #paint() {
    if (!this.tune) return;
    const focused = document.activeElement === this.ruler;
    this.cells.forEach((cell, n) => {
      const chosen = String(this.bars.has(n));
      if (this.byBars && cell.ariaSelected !== chosen) cell.ariaSelected = chosen;
      cell.classList.toggle("active", focused && n === this.active);
    });
    if (this.byBars) this.ruler.setAttribute("aria-activedescendant", `bar-${this.active + 1}`);
    for (const button of this.chosen.children) {
      button.setAttribute("aria-pressed", this.parts.has(Number(button.dataset.chosen)));
    }
    this.shades.replaceChildren(...[...this.bars].map((n) => this.#placed(element("div", {}), this.spans[n])));
    this.rects.forEach((rect, n) => {
      const anew = this.#anew(n);
      if (anew !== Boolean(this.anew[n])) rect.classList.toggle("anew", anew);
      this.anew[n] = anew;
    });
  }
}
