// The picture of a take with its words and phones below: what one looks at, plays, and drags.

import { element } from "../../../export/page/dom.js";
import { t } from "../../../studio/texts.js";
import { Canvas } from "./canvas.js";
import { PAUSE } from "./sentence.js";

const NEAR = 14; // px from the F0 line, within which it is dragged
const USUAL = 300; // px of a second, at the least, when a take is shown
const ZOOM = [30, 3000]; // px of a second
const SLOP = 4; // px that a pointer moves before it drags

const semitones = (lift) => `${lift > 0 ? "+" : "−"}${Math.abs(Number(lift.toFixed(1)))}`;

export class Picture {
  // does: what the page does: select(), begin(), moved(sentence), end(), cancel(), play(from, to), seek(second), key(event)
  // editable: whether the voice can say its phones with other times.
  constructor(does, editable) {
    Object.assign(this, { does, editable });
    this.take = null;
    this.zoom = USUAL;
    this.selection = null; // { sentence, first, last }: phones of a sentence, by their numbers
    this.span = null; // [begin, end]: seconds that were chosen to be played
    this.dragging = null;
    this.view = element("canvas", { class: "view", role: "img" });
    this.canvas = new Canvas(this.view, () => this.draw());
    this.cursor = element("div", { class: "cursor", hidden: "" });
    const lane = (name) => element("div", { class: `lane lane-${name}`, role: "listbox", "aria-orientation": "horizontal", "aria-multiselectable": "true", "aria-label": t(`speak.${name}`) });
    this.words = lane("words");
    this.phones = lane("phones");
    this.track = element("div", { class: "track" }, this.view, this.words, this.phones, this.cursor);
    this.element = element("div", { class: "voice paper", hidden: "" }, this.track);
    this.element.addEventListener("scroll", () => this.draw());
    this.element.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.watch = new ResizeObserver(() => this.#fit());
    this.watch.observe(this.element);
    for (const one of [this.words, this.phones]) {
      one.addEventListener("pointerdown", (event) => this.#press(event));
      one.addEventListener("focusin", (event) => this.#focused(event.target));
      one.addEventListener("keydown", (event) => this.does.key(event));
    }
    this.over = false;
    this.element.addEventListener("pointerenter", () => (this.over = true));
    this.element.addEventListener("pointerleave", () => (this.over = false));
    this.view.addEventListener("pointerdown", (event) => this.#touch(event));
    this.element.addEventListener("pointermove", (event) => this.#drag(event));
    for (const name of ["pointerup", "pointercancel"]) this.element.addEventListener(name, (event) => this.#release(event));
    this.view.addEventListener("pointermove", (event) => this.#hover(event));
  }

  close() {
    this.watch.disconnect();
    this.canvas.close();
  }

  // ---------------------------------------------------------------- What is shown

  // A take whose sound is there, or null.
  show(take) {
    this.take = take;
    this.selection = null;
    this.span = null;
    this.element.hidden = !take;
    this.words.replaceChildren();
    this.phones.replaceChildren();
    this.cells = [];
    this.wordCells = [];
    if (take) {
      for (const [n, sentence] of take.sentences.entries()) this.#lanes(n, sentence);
      this.view.setAttribute("aria-label", t("speak.picture", { text: take.text || t("none") }));
      this.cells[0]?.[0]?.setAttribute("tabindex", "0");
      this.wordCells[0]?.[0]?.setAttribute("tabindex", "0");
      const room = this.element.clientWidth / take.seconds;
      this.canvas.show(take);
      this.setZoom(Math.max(room, USUAL));
      this.element.scrollLeft = 0;
      for (const n of take.sentences.keys()) this.#place(n);
    } else this.canvas.show(null);
    this.draw();
  }

  // Another sentence of the take is there.
  add() {
    const n = this.cells.length;
    this.#lanes(n, this.take.sentences[n]);
    this.#place(n);
    this.canvas.heard();
    this.draw();
  }

  #lanes(n, sentence) {
    const group = (lane) => {
      const found = element("div", { class: "sentence", role: "group", "aria-label": t("speak.sentence", { number: n + 1 }) });
      lane.append(found);
      return found;
    };
    const cell = (first, last, label, kind) => {
      const grip = element("i", { class: "grip", "aria-hidden": "true" });
      const found = element("div", { class: kind, role: "option", tabindex: "-1", "aria-selected": "false" }, element("span", {}, label), grip);
      found.phones = { sentence: n, first, last };
      return found;
    };
    this.wordCells.push(
      sentence.words.map(({ first, last, label }) => cell(first, last, label || "·", label ? "word" : "word pause")),
    );
    this.cells.push(
      sentence.phones.map(([symbol], at) => (symbol === PAUSE ? cell(at, at, "·", "phone pause") : cell(at, at, symbol, "phone"))),
    );
    group(this.words).append(...this.wordCells[n]);
    group(this.phones).append(...this.cells[n]);
  }

  // The phones of a sentence have other times, or another F0.
  update(n) {
    this.#place(n);
    this.draw();
  }

  #place(n) {
    const sentence = this.take.sentences[n];
    for (const cell of [...this.cells[n], ...this.wordCells[n]]) {
      const { first, last } = cell.phones;
      cell.style.setProperty("--at", sentence.times[first].toFixed(5));
      cell.style.setProperty("--lasts", (sentence.times[last + 1] - sentence.times[first]).toFixed(5));
      const changed = range(first, last).some((one) => sentence.changes.has(one));
      cell.classList.toggle("changed", changed);
      const label = t(changed ? "speak.cell.changed" : "speak.cell", this.told(cell.phones));
      if (cell.getAttribute("aria-label") !== label) cell.setAttribute("aria-label", label);
      cell.title = label;
      const lift = first === last ? sentence.lift(first) : 0;
      cell.dataset.lift = lift ? semitones(lift) : "";
    }
    let offset = 0;
    for (const [at, one] of this.take.sentences.slice(0, this.cells.length).entries()) {
      for (const lane of [this.words, this.phones]) lane.children[at].style.setProperty("--from", offset.toFixed(5));
      offset += one.seconds;
    }
    this.track.style.setProperty("--seconds", offset.toFixed(5));
  }

  // What is said of some phones: values for texts.
  told({ sentence: n, first, last }) {
    const sentence = this.take.sentences[n];
    const all = range(first, last);
    const heights = all.map((one) => sentence.height(one)).filter(Boolean);
    const middle = heights.sort((one, other) => one - other)[heights.length >> 1];
    const word = sentence.words.find((one) => one.first <= first && last <= one.last);
    const symbols = all.map((one) => sentence.phones[one][0]);
    const lift = all.length === 1 ? sentence.lift(first) : all.reduce((sum, one) => sum + sentence.lift(one), 0) / all.length;
    return {
      phone: symbols.every((one) => one === PAUSE) ? t("speak.pause.one") : symbols.join(" "),
      word: word?.label ? t("speak.in", { word: word.label }) : "",
      ms: Math.round(1000 * (sentence.times[last + 1] - sentence.times[first])),
      pitch: middle ? t("speak.hertz", { hertz: Math.round(middle) }) : t("speak.unvoiced"),
      lift: lift ? t("speak.lift", { lift: semitones(lift) }) : "",
    };
  }

  // Where some phones are, in seconds of the whole.
  seconds({ sentence: n, first, last }) {
    const { times } = this.take.sentences[n];
    const offset = this.offset(n);
    return [offset + times[first], offset + times[last + 1]];
  }

  offset(n) {
    return this.take.sentences.slice(0, n).reduce((sum, one) => sum + one.seconds, 0);
  }

  // ---------------------------------------------------------------- Zoom and drawing

  #fit() {
    this.track.style.setProperty("--wide", `${this.element.clientWidth}px`);
    this.draw();
  }

  // px of a second. at: px from the left edge that stay where they are.
  setZoom(zoom, at = 0) {
    const second = (this.element.scrollLeft + at) / this.zoom;
    const room = this.take ? this.element.clientWidth / this.take.seconds : ZOOM[0];
    this.zoom = Math.min(Math.max(zoom, Math.min(room, ZOOM[1]), ZOOM[0]), ZOOM[1]);
    this.track.style.setProperty("--zoom", this.zoom.toFixed(4));
    this.element.scrollLeft = second * this.zoom - at;
    this.draw();
  }

  #wheel(event) {
    if (!(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    this.setZoom(this.zoom * 1.002 ** -event.deltaY, event.clientX - this.element.getBoundingClientRect().left);
  }

  draw() {
    this.asked ??= requestAnimationFrame(() => {
      this.asked = null;
      const chosen = this.span ?? (this.selection && this.seconds(this.selection));
      this.canvas.draw(this.element.scrollLeft / this.zoom, this.zoom, chosen);
    });
  }

  // Puts the cursor at a second; while it plays, it stays in sight, but nothing moves under a pointer.
  at(second, playing) {
    this.cursor.hidden = !this.take;
    const x = second * this.zoom;
    this.cursor.style.transform = `translateX(${x}px)`;
    const { scrollLeft, clientWidth } = this.element;
    if (playing && !this.over && (x < scrollLeft || x > scrollLeft + 0.92 * clientWidth)) this.element.scrollLeft = x - 0.1 * clientWidth;
  }

  // ---------------------------------------------------------------- Selection

  select(selection, focus = false) {
    const cells = this.cells.flat();
    for (const cell of [...cells, ...this.wordCells.flat()]) {
      const { sentence, first, last } = cell.phones;
      const on = selection !== null && sentence === selection.sentence && first >= selection.first && last <= selection.last;
      if ((cell.getAttribute("aria-selected") === "true") !== on) cell.setAttribute("aria-selected", on);
    }
    this.selection = selection;
    this.span = null;
    if (selection) {
      const own = this.cells[selection.sentence][selection.first];
      this.#roving(this.phones, own);
      if (focus) own.focus({ preventScroll: true });
    }
    this.draw();
    this.does.select();
  }

  #roving(lane, cell) {
    lane.querySelector('[tabindex="0"]')?.setAttribute("tabindex", "-1");
    cell.setAttribute("tabindex", "0");
  }

  #focused(cell) {
    if (!cell.phones) return;
    this.#roving(cell.parentElement.parentElement, cell);
    const [begin, end] = this.seconds(cell.phones).map((second) => second * this.zoom);
    const { scrollLeft, clientWidth } = this.element;
    if (begin < scrollLeft || end > scrollLeft + clientWidth) this.element.scrollLeft = begin - clientWidth / 3;
    if (!this.pressing) this.select(cell.phones);
  }

  // The phone or word beside another one, in its lane.
  beside(cell, step) {
    const all = (cell.classList.contains("word") ? this.wordCells : this.cells).flat();
    return all[all.indexOf(cell) + step] ?? null;
  }

  // The first or last of the lane.
  edge(cell, last) {
    const all = (cell.classList.contains("word") ? this.wordCells : this.cells).flat();
    return all.at(last ? -1 : 0);
  }

  // ---------------------------------------------------------------- Pointers

  #second(event) {
    return Math.max(0, (event.clientX - this.track.getBoundingClientRect().left) / this.zoom);
  }

  // The number of a sentence, and of the phone in it, at a second.
  #phone(second) {
    let offset = 0;
    for (const [n, one] of this.take.sentences.entries()) {
      if (second < offset + one.seconds || n === this.take.sentences.length - 1) {
        const at = one.times.findIndex((_, k) => k < one.phones.length && second - offset < one.times[k + 1]);
        return { sentence: n, first: at < 0 ? one.phones.length - 1 : at, last: at < 0 ? one.phones.length - 1 : at };
      }
      offset += one.seconds;
    }
    return null;
  }

  // Whether a pointer is at the F0 line.
  #online(event) {
    if (!this.take) return false;
    const { sentence: n } = this.#phone(this.#second(event));
    const one = this.take.sentences[n];
    const hertz = one.hertz[Math.round((this.#second(event) - this.offset(n)) / one.hop)];
    const y = event.clientY - this.view.getBoundingClientRect().top;
    return hertz > 0 && Math.abs(this.canvas.up(hertz) - y) < NEAR;
  }

  #hover(event) {
    if (!this.dragging) this.view.classList.toggle("line", this.editable && this.#online(event));
  }

  #inside(phones) {
    const own = this.selection;
    return own && own.sentence === phones.sentence && own.first <= phones.first && phones.last <= own.last;
  }

  // On a phone or a word: its right border, or itself.
  #press(event) {
    const cell = event.target.closest("[role=option]");
    if (!cell || event.button) return;
    const grip = this.editable && event.target.classList.contains("grip");
    this.pressing = true;
    let { phones } = cell;
    if (event.shiftKey && this.selection?.sentence === phones.sentence) {
      const { first, last } = this.selection;
      phones = { ...phones, first: Math.min(first, phones.first), last: Math.max(last, phones.last) };
    }
    if (grip || !this.#inside(phones) || event.shiftKey) this.select(phones);
    cell.focus({ preventScroll: true });
    this.pressing = false;
    event.preventDefault();
    this.#begin(event, grip ? "length" : "pitch", { cell, clicked: phones });
  }

  // On the picture: its line, or a part to be played.
  #touch(event) {
    if (!this.take || event.button) return;
    const phones = this.#phone(this.#second(event));
    if (this.editable && this.#online(event)) {
      if (!this.#inside(phones)) this.select(phones);
      this.#begin(event, "pitch", { clicked: this.selection });
    } else this.#begin(event, "span", {});
    event.preventDefault();
  }

  #begin(event, kind, more) {
    const { sentence: n, first, last } = this.selection ?? { sentence: 0, first: 0, last: -1 };
    const sentence = this.take.sentences[n];
    const from = range(first, last).map((one) => ({ n: one, factor: sentence.factor(one), lift: sentence.lift(one) }));
    const lasting = kind === "length" ? sentence.times[last + 1] - sentence.times[first] : 0;
    this.dragging = { kind, n, from, lasting, x: event.clientX, y: event.clientY, second: this.#second(event), moved: false, ...more };
    this.element.setPointerCapture(event.pointerId);
  }

  #drag(event) {
    const drag = this.dragging;
    if (!drag) return;
    const [x, y] = [event.clientX - drag.x, event.clientY - drag.y];
    if (!drag.moved && (this.editable || drag.kind === "span")) {
      if (Math.abs(drag.kind === "pitch" ? y : x) < SLOP) return;
      drag.moved = true;
      if (drag.kind !== "span") this.does.begin();
      this.element.classList.add(drag.kind);
    }
    if (!drag.moved) return;
    if (drag.kind === "span") {
      if (this.selection) this.select(null);
      const here = Math.min(this.#second(event), this.take.seconds);
      this.span = [Math.min(drag.second, here), Math.max(drag.second, here)];
      this.draw();
      return;
    }
    const sentence = this.take.sentences[drag.n];
    const ratio = drag.kind === "length" ? Math.max(0.05, (drag.lasting + x / this.zoom) / drag.lasting) : 1;
    const lift = drag.kind === "pitch" ? -y / this.canvas.semitone : 0;
    for (const one of drag.from) sentence.change(one.n, { factor: one.factor * ratio, lift: Math.round(10 * (one.lift + lift)) / 10 });
    this.update(drag.n);
    this.does.moved(drag.n);
  }

  #release(event) {
    const drag = this.dragging;
    if (!drag) return;
    this.dragging = null;
    this.element.classList.remove("length", "pitch", "span");
    if (event.type === "pointercancel") {
      if (drag.moved && drag.kind !== "span") this.does.cancel();
      return;
    }
    if (drag.kind === "span") {
      if (drag.moved) this.does.play(...this.span);
      else {
        this.select(null);
        this.does.seek(Math.min(drag.second, this.take.seconds));
      }
    } else if (drag.moved) this.does.end();
    else if (drag.cell) {
      if (!event.shiftKey) this.select(drag.clicked);
      this.does.play(...this.seconds(this.selection));
    }
  }

  // Ends a drag as if it had not begun.
  escape() {
    if (!this.dragging) return false;
    const { moved, kind } = this.dragging;
    this.dragging = null;
    this.element.classList.remove("length", "pitch", "span");
    if (moved && kind !== "span") this.does.cancel();
    return true;
  }
}

function range(first, last) {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, n) => first + n);
}
