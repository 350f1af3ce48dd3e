// The page on which one writes with a model of text.

import { element, save } from "../../../export/page/dom.js";
import { ask, events } from "../../../studio/api.js";
import { Saves, desk, named } from "../../../studio/parts.js";
import { say, trouble } from "../../../studio/studio.js";
import { t } from "../../../studio/texts.js";
import { Work } from "../../../studio/work.js";
import { Branches } from "./branches.js";
import { Choices } from "./choices.js";
import { Copied, Copies, shade } from "./copies.js";
import { place, Pointer } from "./pointer.js";
import { Reading } from "./reading.js";
import { Next, NOVELTY, Settings, SURPRISE } from "./settings.js";
import { Sheet, surprise } from "./sheet.js";
import { MODEL, PERSON, Tree } from "./tree.js";

const BESIDE = 40; // ms after a key, until branches and figures are drawn
const SOON = 120; // ms after a key, until the text is read
const IDLE = 450; // ms after a key, until something is suggested
const SUGGESTED = 48; // tokens, at the most
const STREAM = 200; // ms between readings while the model writes

export function open(main, { about, shelf, rest }) {
  return new Page(main, about, shelf, rest[0]);
}

// Calls the last of several calls, so many ms after it.
function later(ms, call) {
  let timer = null;
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      timer = null;
      call();
    }, ms);
  };
  soon.now = () => {
    if (timer === null) return;
    clearTimeout(timer);
    timer = null;
    call();
  };
  soon.stop = () => clearTimeout(timer);
  return soon;
}

class Page {
  constructor(main, about, shelf, id) {
    this.about = about;
    this.running = null; // aborts what the model writes
    this.suggesting = null;
    this.work = new Work(about, "write", id, this);
    this.tree = new Tree();
    const colour = (one) => (this.settings.shade.value === NOVELTY ? shade(one) : surprise(one));
    this.sheet = new Sheet({ label: t("write.sheet"), placeholder: t("write.empty") }, colour);
    this.settings = new Settings(shelf.valid, () => this.#settled());
    this.next = new Next(about.name);
    this.reading = new Reading(about.name, (tokens) => this.#read(tokens));
    this.branches = new Branches((node) => this.#go(node));
    this.choices = new Choices(this.sheet, this.reading, (begin, token) => this.#take(begin, token));
    this.copies = new Copies(about.name, () => this.#copied());
    this.copied = new Copied();
    const popups = [this.choices.element, this.copied.element];
    this.pointer = new Pointer(this.sheet, (at) => this.#pointed(at), popups);
    this.besideSoon = later(BESIDE, () => this.#beside());
    this.readSoon = later(SOON, () => this.#look());
    this.suggestSoon = later(IDLE, () => this.#suggest());
    this.figures = element("p", { class: "quiet", id: "figures" });
    this.legend = element("p", { class: "quiet legend" });
    this.novelty = element("p", { class: "quiet", id: "novelty" });
    this.#build(main);
    this.#listen();
    this.#shaded();
    this.#show(0);
    this.work.open();
    this.sheet.area.focus();
  }

  #build(main) {
    const button = (name, click, title) =>
      element("button", { id: name, click, ...(title && { title }) }, t(`write.${name}`));
    this.go = button("go", () => (this.running ? this.stop() : this.goOn()), t("write.go.title"));
    this.go.classList.add("main");
    this.again = button("again", () => this.retry(), t("write.again.title"));
    this.undo = button("undo", () => this.#undo());
    this.redo = button("redo", () => this.#redo());
    this.saves = new Saves(["txt"], () => save(`${named(this.title, "text")}.txt`, this.sheet.text, "text/plain"));
    this.saves.enable(true);
    const tools = (...buttons) => element("div", { class: "row tools" }, ...buttons);
    const writing = [
      tools(this.go, this.again, this.undo, this.redo, button("else", () => this.#choose(), t("write.else.title"))),
      this.sheet.element,
      this.choices.element,
      this.copied.element,
      this.figures,
      element("div", { class: "row shades" }, element("label", {}, t("write.shade"), " ", this.settings.shade), this.legend),
      this.novelty,
      this.saves.element,
      this.work.element,
      element("p", { class: "quiet keys" }, t("write.keys")),
    ];
    main.append(desk(writing, [this.settings.element, this.next.element, this.branches.element], "writing"));
  }

  #listen() {
    const { area } = this.sheet;
    area.addEventListener("input", () => this.#typed());
    area.addEventListener("keydown", (event) => this.#key(event));
    for (const name of ["keyup", "pointerup"]) area.addEventListener(name, () => this.#moved());
  }

  close() {
    this.closed = true;
    this.stop();
    this.work.close();
    for (const one of [this.besideSoon, this.readSoon, this.suggestSoon]) one.stop();
    this.pointer.close();
    this.copies.stop();
    this.suggesting?.abort();
  }

  // ---------------------------------------------------------------- The text

  #show(cursor = null) {
    const text = this.tree.text();
    this.#forget(text);
    this.sheet.show(text, this.tree.authors(), cursor);
    this.#changed();
  }

  // The text has changed: what was known of it counts no longer.
  #forget(text) {
    this.choices.hide();
    this.copied.hide();
    this.reading.change(text);
    this.copies.change(text);
    this.sheet.tokens = this.reading.tokens;
    this.#mark();
  }

  // What is coloured: tokens, or spans that stand in the training text, or nothing.
  #mark() {
    const { value } = this.settings.shade;
    this.sheet.marks = value === SURPRISE ? null : value === NOVELTY ? this.copies.marks : [];
  }

  // The way of shading may have changed.
  #shaded() {
    const { value } = this.settings.shade;
    if (this.shading === value) return;
    this.shading = value;
    this.choices.hide();
    this.copied.hide();
    this.legend.replaceChildren(...legend(value));
    this.novelty.textContent = "";
    this.toldNovelty = false;
  }

  #copied() {
    if (this.closed || this.settings.shade.value !== NOVELTY) return;
    this.#mark();
    this.sheet.paint();
    this.novelty.textContent = this.copies.told;
    if (!this.toldNovelty) say(this.copies.told); // not again with each key
    this.toldNovelty = true;
  }

  #pointed(at) {
    if (this.closed) return;
    const span = this.settings.shade.value === NOVELTY && at !== null ? this.copies.at(at) : null;
    const n = at === null || this.settings.shade.value === NOVELTY ? -1 : this.sheet.token(at);
    if (n >= 0) this.choices.show(n, false);
    else this.choices.hide();
    if (span) this.#showCopied(span, at);
    else this.copied.hide();
  }

  #showCopied(span, at) {
    const put = () => place(this.copied.element, this.sheet.box(at));
    return this.copied.show(this.copies, span, put).catch(trouble);
  }

  #typed() {
    this.stop();
    const text = this.sheet.text;
    const { ghost } = this.sheet;
    const before = this.tree.text();
    this.tree.edit(text);
    this.#forget(text);
    const typed = text.slice(before.length);
    const same = text.startsWith(before) && typed && ghost.startsWith(typed);
    this.sheet.ghost = same ? ghost.slice(typed.length) : "";
    this.sheet.show(text, this.tree.authors());
    this.#changed();
  }

  #changed() {
    this.besideSoon();
    this.readSoon();
    this.work.changed();
    if (!this.sheet.ghost) this.suggestSoon();
  }

  // What stands around the text: not needed with each key.
  #beside() {
    if (this.closed) return;
    this.#buttons();
    this.branches.show(this.tree);
  }

  #moved() {
    if (this.place === this.sheet.cursor) return;
    this.place = this.sheet.cursor;
    this.#pointed(null);
    if (this.sheet.ghost && this.place !== this.sheet.text.length) this.#unsuggest();
    this.readSoon();
  }

  #settled() {
    this.#unsuggest();
    this.#shaded();
    this.#mark();
    this.sheet.paint();
    this.readSoon();
    this.suggestSoon();
  }

  async #look() {
    if (this.closed) return;
    this.place = this.sheet.cursor;
    try {
      await Promise.all([
        this.reading.read(),
        this.next.show(this.sheet.text.slice(0, this.place), this.settings.sampling),
        this.settings.shade.value === NOVELTY && this.copies.read(this.sheet.text),
      ]);
    } catch (error) {
      if (this.closed) return;
      if (error.code === "too_large") this.figures.textContent = t("write.large", { why: error.message });
      else trouble(error);
    }
  }

  #read(tokens) {
    if (this.closed) return;
    this.sheet.tokens = tokens;
    this.sheet.paint();
    this.#count();
  }

  #count() {
    const authors = this.sheet.authors ?? [];
    const { text } = this.sheet;
    let [chars, own] = [0, 0];
    for (let at = 0; at < text.length; at += text.codePointAt(at) > 0xffff ? 2 : 1) {
      chars++;
      own += authors[at] === PERSON;
    }
    const values = { chars: chars.toLocaleString("en"), own: own.toLocaleString("en") };
    const known = chars && this.reading.tokens.at(-1)?.end === text.length;
    const bits = known ? (this.reading.bits / chars).toFixed(2) : "";
    this.figures.textContent = t(known ? "write.figures" : "write.figures.short", { ...values, bits });
  }

  #buttons() {
    const model = this.#lastOfModel() !== null;
    this.go.textContent = t(this.running ? "write.stop" : "write.go");
    this.again.disabled = !model;
    this.undo.disabled = this.tree.here === 0;
    this.redo.disabled = this.tree.undone === null;
    this.#count();
  }

  // ---------------------------------------------------------------- The model writes

  goOn() {
    const cursor = this.sheet.cursor;
    const drop = this.sheet.text.length - cursor;
    return this.#write({ at: cursor, drop }, this.settings.request(true));
  }

  // What the model wrote last, once more: with another seed, or with the same one and what was changed.
  retry() {
    const id = this.#lastOfModel();
    if (id === null) return;
    const node = this.tree.nodes.get(id);
    this.stop();
    this.tree.go(node.parent);
    return this.#write({ at: node.at, drop: node.drop }, this.settings.request(true));
  }

  // The nearest node on the way here that the model wrote; null if there is none.
  #lastOfModel() {
    for (let id = this.tree.here; id !== 0; id = this.tree.nodes.get(id).parent) {
      if (this.tree.nodes.get(id).by === MODEL) return id;
    }
    return null;
  }

  async #write({ at, drop }, request) {
    this.stop();
    this.#unsuggest();
    const prompt = this.tree.text().slice(0, at);
    const own = (this.running = new AbortController());
    const id = this.tree.add({ at, drop, text: "", by: MODEL, request });
    this.#buttons();
    let ended = false;
    let looked = performance.now();
    this.#show(at);
    try {
      const body = { model: this.about.name, prompt, stream: true, ...request };
      for await (const { choices } of events("/v1/completions", body, own.signal)) {
        if (own.signal.aborted) break;
        for (const { text, finish_reason } of choices) {
          this.tree.grow(id, text);
          ended ||= finish_reason === "stop";
        }
        this.sheet.show(this.tree.text(), this.tree.authors(), at + this.tree.nodes.get(id).text.length);
        this.reading.change(this.sheet.text);
        if (performance.now() - looked > STREAM) {
          looked = performance.now();
          this.work.changed();
          this.#look();
        }
      }
    } catch (error) {
      trouble(error);
    }
    if (this.running === own) this.running = null;
    const { length } = this.tree.nodes.get(id)?.text ?? "";
    this.tree.prune(id);
    if (this.closed) return;
    if (this.tree.here === id || !length) this.#show(at + length);
    this.besideSoon.now();
    say(ended ? t("write.ended") : t("write.wrote", { count: length }));
  }

  // What the model writes now is ended; what it has written stays.
  stop() {
    if (!this.running) return;
    this.running.abort();
    this.running = null;
    this.#buttons();
  }

  // Takes another token in the place of one; what stood behind it stays in the branch before.
  #take(begin, text) {
    this.stop();
    const drop = this.sheet.text.length - begin;
    this.tree.add({ at: begin, drop, text, by: PERSON });
    this.#show(begin + text.length);
    this.sheet.area.focus();
    return this.goOn();
  }

  // ---------------------------------------------------------------- Suggestions

  async #suggest() {
    const { text, cursor } = this.sheet;
    const wanted = this.settings.suggest.checked && text && cursor === text.length && !this.running && !this.closed;
    if (!wanted || document.activeElement !== this.sheet.area) return;
    this.suggesting?.abort();
    const own = (this.suggesting = new AbortController());
    const request = { ...this.settings.request(false), max_tokens: SUGGESTED, stop: ["\n"] };
    try {
      const answer = await ask("/v1/completions", { model: this.about.name, prompt: text, ...request }, own.signal);
      if (own.signal.aborted || this.sheet.text !== text || this.running) return;
      this.suggestion = { request, from: text.length };
      this.sheet.ghost = answer.choices[0].text;
      this.sheet.paint();
    } catch (error) {
      if (error.status !== 429) trouble(error);
    }
  }

  #unsuggest() {
    this.suggesting?.abort();
    this.suggestSoon.stop();
    if (!this.sheet.ghost) return;
    this.sheet.ghost = "";
    this.sheet.paint();
  }

  #takeSuggestion() {
    const { ghost, text } = this.sheet;
    this.sheet.ghost = "";
    const { request, from } = this.suggestion;
    this.tree.add({ at: text.length, drop: 0, text: ghost, by: MODEL, request: from === text.length ? request : null });
    this.#show(text.length + ghost.length);
  }

  // ---------------------------------------------------------------- Keys and branches

  #key(event) {
    const control = event.ctrlKey || event.metaKey;
    const does = (action) => {
      event.preventDefault();
      action();
    };
    if (control && event.key === "Enter") {
      does(() => (event.shiftKey ? this.retry() : this.running ? this.stop() : this.goOn()));
    } else if (control && event.key.toLowerCase() === "z") does(() => (event.shiftKey ? this.#redo() : this.#undo()));
    else if (control && event.key.toLowerCase() === "y") does(() => this.#redo());
    else if (event.key === "Tab" && this.sheet.ghost && !event.shiftKey) does(() => this.#takeSuggestion());
    else if (event.key === "Escape") {
      if (this.running) does(() => this.stop());
      else if (this.sheet.ghost) does(() => this.#unsuggest());
      else this.#pointed(null);
    } else if (event.altKey && event.key === "ArrowDown") does(() => this.#choose());
    else if (event.altKey && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
      const to = this.tree.beside(event.key === "ArrowLeft" ? -1 : 1);
      does(() => to !== null && this.#go(to));
    }
  }

  #choose() {
    this.#moved(); // the key that opens it is no move of its own
    const { cursor, text } = this.sheet;
    const at = Math.min(cursor, text.length - 1);
    if (this.settings.shade.value === NOVELTY) {
      const span = this.copies.at(at);
      if (span) this.#showCopied(span, at);
      else say(t("write.novelty.here"));
      return;
    }
    const n = this.sheet.token(at);
    if (n >= 0) this.choices.show(n, true);
  }

  #go(node) {
    this.stop();
    this.#unsuggest();
    this.tree.go(node);
    const { at, text } = this.tree.node;
    this.#show(this.tree.here === 0 ? 0 : at + text.length);
  }

  #undo() {
    this.stop();
    const { at, drop } = this.tree.node;
    this.#unsuggest();
    this.tree.undo();
    this.#show(at + drop);
  }

  #redo() {
    if (this.tree.undone !== null) this.#go(this.tree.undone);
  }

  // ---------------------------------------------------------------- The work

  get title() {
    return this.tree.title;
  }

  contents() {
    return this.tree.nodes.size === 1 ? null : this.tree.toJSON();
  }

  restore(contents) {
    const tree = contents === null ? new Tree() : Tree.from(contents);
    this.stop();
    this.tree = tree;
    this.#show(tree.text().length);
    this.sheet.area.focus();
  }
}

// What the shades mean.
function legend(shading) {
  const inks = [element("span", { class: "model" }, t("write.model")), ` · ${t("write.person")}`];
  const ends = { [SURPRISE]: ["s", "write.likely", "write.surprising"], [NOVELTY]: ["c", "write.short", "write.long"] };
  if (!(shading in ends)) return [...inks, ` · ${t("write.legend.inks")}`];
  const [kind, low, high] = ends[shading];
  const shades = [1, 3, 5, 7, 9].map((n) => element("i", { class: `${kind}${n}` }));
  return [`${t(low)} `, ...shades, ` ${t(high)} · `, ...inks, ` · ${t(`write.legend.${shading}`)}`];
}
