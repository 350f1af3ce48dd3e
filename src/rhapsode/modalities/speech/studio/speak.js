// The page on which a voice speaks: a text as sound and as a picture, whose phones can be made longer, shorter, higher, lower.

import { element } from "../../../export/page/dom.js";
import { file } from "../../../studio/api.js";
import { Drawn, Go, Saves, atControlEnter, desk, download, named } from "../../../studio/parts.js";
import { say, trouble } from "../../../studio/studio.js";
import { t } from "../../../studio/texts.js";
import { Work } from "../../../studio/work.js";
import { Picture } from "./picture.js";
import { LIMITS, Settings } from "./settings.js";
import { PAUSE } from "./sentence.js";
import { Player } from "./sound.js";
import { Take } from "./take.js";

export const styles = ["modalities/speech/studio/speak.css"];

const FILES = ["wav", "flac", "ogg", "textgrid", "lab", "csv"];
const SUFFIXES = { textgrid: "TextGrid" };
const SOON = 250; // ms after a key, until it is spoken again
const STEPS = 200; // that can be undone
const LENGTH = 0.01; // seconds by which a key makes a phone longer
const LIFT = 1; // semitones by which a key makes it higher
const FINE = 0.25;
const HELD = 600; // seconds of sound that are kept; what is older is spoken again when it is needed
const THUMB = [112, 56];
const BLANK = "data:image/gif;base64,R0lGODlhAQABAAAAACw=";
const MARKS = { 1: "ˌ", 2: "ˈ" };

export function open(main, { about, served, rest }) {
  return new Page(main, about, served, rest[0]);
}

class Page {
  constructor(main, about, served, id) {
    Object.assign(this, { about, served, take: null, quiet: false, timer: null, running: null });
    this.work = new Work(about, "speak", id, this);
    this.settings = new Settings(served, () => this.work.changed());
    this.text = element("textarea", { id: "text", rows: "3", maxlength: String(LIMITS.text.maxLength), "aria-label": t("speak.text"), placeholder: t("speak.empty") });
    this.text.addEventListener("input", () => this.work.changed());
    this.typed = element("textarea", { id: "typed", rows: "3", maxlength: String(LIMITS.text.maxLength), spellcheck: "false", "aria-label": t("speak.typed"), placeholder: t("speak.typed.empty") });
    this.typed.addEventListener("input", () => this.work.changed());
    this.go = new Go("speak", (signal) => this.#speak(signal), () => this.#buttons());
    this.go.button.title = t("speak.go.title");
    this.player = new Player(() => this.#playing());
    this.picture = new Picture(
      {
        select: () => this.#selected(),
        begin: () => this.#keep(),
        moved: () => this.#told(),
        end: () => this.#again(0),
        cancel: () => this.#undone(),
        play: (from, to) => this.#play(from, to),
        seek: (second) => this.#seek(second),
        key: (event) => this.#key(event),
      },
      served.timed,
    );
    this.drawn = new Drawn(t("speak.drawn"), (take) => this.#show(take), () => {});
    this.saves = new Saves(FILES, (format) => this.#save(format));
    this.#build(main);
    this.heard = (event) => this.#global(event);
    document.addEventListener("keydown", this.heard);
    this.unheard = atControlEnter(document, () => this.go.press());
    this.#switch(false);
    this.#buttons();
    this.work.open();
  }

  #build(main) {
    const button = (id, click, more = {}) => element("button", { id, type: "button", title: t(`speak.${id}.title`), click, ...more }, t(`speak.${id}`));
    this.play = button("play", () => this.#toggle());
    this.undo = button("undo", () => this.#undo());
    this.redo = button("redo", () => this.#redo());
    this.edits = [
      button("shorter", () => this.#edit({ lasting: -LENGTH })),
      button("longer", () => this.#edit({ lasting: LENGTH })),
      button("lower", () => this.#edit({ lift: -LIFT })),
      button("higher", () => this.#edit({ lift: LIFT })),
      button("back", () => this.#back()),
    ];
    this.allback = button("allback", () => this.#allBack());
    const zoom = (id, by) => button(id, () => this.picture.setZoom(by === 0 ? 0 : this.picture.zoom * by, this.picture.element.clientWidth / 2), { class: "icon" });
    this.zooms = [zoom("zoomout", 1 / 1.5), zoom("zoomin", 1.5), button("zoomall", () => this.picture.setZoom(0))];
    this.here = element("p", { id: "here", class: "quiet" });
    this.busy = element("p", { id: "busy", class: "quiet", role: "status" });
    this.notes = element("ul", { id: "notes", class: "quiet notes" });
    const symbols = this.served.phones.filter((one) => one !== PAUSE);
    this.symbols = element(
      "div",
      { class: "symbols", role: "group", "aria-label": t("speak.symbols") },
      ...[...symbols, PAUSE, "|", "ˈ"].map((one) => element("button", { type: "button", click: () => this.#insert(one), "aria-label": t("speak.insert", { phone: one }) }, one)),
    );
    const mode = (id, typed) => element("button", { id, type: "button", "aria-pressed": "false", click: () => this.#switch(typed, true) }, t(`speak.${id}`));
    this.modes = [mode("astext", false), mode("asphones", true)];
    const { timed } = this.served;
    this.panel = element(
      "div",
      { class: "edit", hidden: "" },
      element("div", { class: "row tools" }, this.play, ...this.zooms, ...(timed ? [this.undo, this.redo, this.allback] : [])),
      this.picture.element,
      this.here,
      ...(timed ? [element("div", { class: "row tools edits" }, ...this.edits)] : []),
    );
    this.keys = element("p", { class: "quiet keys", hidden: "" }, t(timed ? "speak.keys" : "speak.keys.fixed"));
    this.saving = element("div", { class: "saving", hidden: "" }, this.saves.element);
    const work = [
      ...(this.served.timed ? [element("div", { class: "row modes", role: "group", "aria-label": t("speak.mode") }, ...this.modes)] : []),
      this.text,
      this.typed,
      this.symbols,
      element("div", { class: "row tools" }, this.go.button, this.busy),
      this.notes,
      this.panel,
      this.drawn.element,
      this.saving,
      this.work.element,
      this.keys,
    ];
    main.append(desk(work, [this.settings.element]));
  }

  close() {
    this.closed = true;
    this.work.close();
    this.unheard();
    document.removeEventListener("keydown", this.heard);
    clearTimeout(this.timer);
    this.running?.abort();
    this.go.stop();
    this.player.close();
    this.picture.close();
    this.drawn.close();
  }

  // ---------------------------------------------------------------- Text, or phones

  #switch(typed, focus = false) {
    this.isTyped = typed;
    this.text.hidden = typed;
    this.typed.hidden = this.symbols.hidden = !typed;
    for (const [n, one] of this.modes.entries()) one.setAttribute("aria-pressed", typed === Boolean(n));
    if (typed && !this.typed.value.trim() && this.take?.sentences) this.typed.value = this.#asPhones();
    if (focus) (typed ? this.typed : this.text).focus();
    this.work.changed();
  }

  // What was spoken, as one types it: a line a sentence, | between words.
  #asPhones() {
    return this.take.sentences.map(({ phones }) => {
      const line = [];
      let [lastWord, lastSyllable] = [null, null];
      for (const [symbol, , , { word, syllable, stress }] of phones) {
        if (symbol === PAUSE) {
          line.push(symbol);
          continue;
        }
        if (lastWord !== null && word !== lastWord && line.at(-1) !== PAUSE) line.push("|");
        line.push((syllable === lastSyllable ? "" : (MARKS[stress] ?? "")) + symbol);
        [lastWord, lastSyllable] = [word, syllable];
      }
      return line.join(" ");
    }).join("\n");
  }

  #insert(symbol) {
    const { selectionStart: at, value } = this.typed;
    const space = symbol !== "ˈ" && at > 0 && !/[\sˈˌ]$/.test(value.slice(0, at)) ? " " : "";
    this.typed.setRangeText(space + symbol, at, this.typed.selectionEnd, "end");
    this.typed.focus();
    this.work.changed();
  }

  // ---------------------------------------------------------------- Speaking

  // What is asked: the same speaks the same again.
  #asked() {
    const said = this.isTyped ? { phones: this.typed.value } : { text: this.text.value };
    return { model: this.about.name, ...said, ...this.settings.asked(this.isTyped) };
  }

  async #speak(signal) {
    const take = new Take(this.#asked());
    const before = this.take;
    this.player.pause();
    await this.#made(take, signal, async () => {
      take.adopt(before);
      await take.again(signal);
      if (this.closed || take.sentences.length > 1) return;
      this.player.more = true;
      this.drawn.add(take, BLANK, this.#label(take));
      this.#play(0);
    });
    this.#bound();
    say(t("speak.done", { seconds: take.seconds.toFixed(1) }));
  }

  // Speaks a take. Each sentence is seen, and can be heard, while the next one is made. came: is called before.
  async #made(take, signal, came = () => {}) {
    const next = async () => {
      await came();
      if (this.closed || this.drawn.here !== take) return;
      if (this.take !== take) this.#shown(take);
      while (this.picture.cells.length < take.sentences.length) this.picture.add();
      this.#load();
      this.#noted();
    };
    try {
      await this.#while(t("speak.speaking"), () => take.speak(signal, next));
    } finally {
      this.player.ended();
      if (take.sentences && !this.closed) this.#whole(take);
    }
  }

  // All of a take has come.
  #whole(take) {
    const own = this.drawn.every.find(({ one }) => one === take);
    for (const name of ["aria-label", "title"]) own?.button.setAttribute(name, this.#label(take));
    if (this.take === take) {
      this.picture.canvas.fit();
      this.picture.draw();
      this.#thumb(take);
      this.picture.canvas.heard();
    }
    this.work.changed();
  }

  #label({ asked, text }) {
    return t(asked.seed === undefined ? "speak.one" : "speak.one.seed", { text, speed: asked.speed ?? 1, pitch: asked.pitch, seed: asked.seed });
  }

  // Shows that something goes on, if it takes longer.
  async #while(words, does) {
    const timer = setTimeout(() => (this.busy.textContent = words), 400);
    try {
      return await does();
    } finally {
      clearTimeout(timer);
      this.busy.textContent = "";
    }
  }

  // Lets go of the sounds of takes, the first ones first, while there are too many.
  #bound() {
    let held = this.drawn.every.reduce((sum, { one }) => sum + one.seconds, 0);
    for (const { one } of this.drawn.every) {
      if (held <= HELD) return;
      if (one === this.take) continue;
      held -= one.seconds;
      one.rest();
    }
  }

  // A take that was drawn before, or now.
  #show(take) {
    if (this.quiet) return;
    this.work.changed(); // another one is looked at
    this.running?.abort();
    this.player.pause();
    if (take.sentences?.length) {
      this.#shown(take);
      return;
    }
    this.go.stop();
    this.go.run((signal) => this.#made(take, signal));
  }

  #shown(take) {
    this.take = take;
    take.history ??= { past: [], future: [] };
    this.panel.hidden = this.keys.hidden = false;
    this.picture.show(take);
    this.#thumb(take);
    this.#load();
    this.player.place = 0;
    if (take.asked.seed !== undefined) this.settings.seed.value = take.asked.seed;
    this.#noted();
    this.#selected();
    this.#frame();
  }

  // What the voice says otherwise than it was asked.
  #noted() {
    this.notes.replaceChildren(...this.take.notes.map((one) => element("li", {}, one)));
  }

  #load() {
    this.player.load(this.take.sentences.map((one) => one.samples), this.take.rate);
  }

  // The small picture of a take, when its spectrogram is there.
  #thumb(take) {
    this.picture.canvas.done = () => {
      const own = this.drawn.every.find(({ one }) => one === take);
      if (!own || this.take !== take) return;
      const found = this.picture.canvas.thumbnail(...THUMB);
      if (take.thumb === found) return;
      own.button.querySelector("img").src = take.thumb = found;
      this.work.changed();
    };
  }

  // ---------------------------------------------------------------- Changes

  // Before a change: so that it can be undone.
  #keep() {
    const { past } = this.take.history;
    past.push(this.take.changed);
    if (past.length > STEPS) past.shift();
    this.take.history.future = [];
  }

  #undone() {
    this.take.changed = this.take.history.past.pop();
    this.#moved();
  }

  #undo() {
    this.#turn("past", "future", "speak.undone");
  }

  #redo() {
    this.#turn("future", "past", "speak.redone");
  }

  #turn(from, to, words) {
    const { history } = this.take ?? {};
    if (!history?.[from].length) return;
    history[to].push(this.take.changed);
    this.take.changed = history[from].pop();
    this.#moved();
    say(t(words));
    this.#again(0);
  }

  #moved() {
    for (const n of this.take.sentences.keys()) this.picture.update(n);
    this.#told();
  }

  // The selected phones longer by seconds, or higher by semitones.
  #edit({ lasting = 0, lift = 0 }, soon = 0) {
    const chosen = this.picture.selection;
    if (!chosen || !this.served.timed) return;
    this.#keep();
    const { sentence: n, first, last } = chosen;
    const sentence = this.take.sentences[n];
    const whole = sentence.times[last + 1] - sentence.times[first];
    const ratio = Math.max(0.05, (whole + lasting * (last - first + 1)) / whole);
    for (let one = first; one <= last; one++) {
      sentence.change(one, { factor: sentence.factor(one) * ratio, lift: sentence.lift(one) + lift });
    }
    this.#changed(n, soon);
  }

  #back() {
    const chosen = this.picture.selection;
    if (!chosen) return;
    this.#keep();
    const sentence = this.take.sentences[chosen.sentence];
    for (let n = chosen.first; n <= chosen.last; n++) sentence.change(n, { factor: 1, lift: 0 });
    this.#changed(chosen.sentence, 0);
  }

  #allBack() {
    this.#keep();
    this.take.changed = [];
    this.#moved();
    say(t("speak.allback.done"));
    this.#again(0);
  }

  #changed(n, soon) {
    this.picture.update(n);
    this.#told();
    say(t("speak.cell", this.picture.told(this.picture.selection)));
    this.#again(soon);
  }

  // Speaks what is changed, and plays it.
  #again(soon) {
    clearTimeout(this.timer);
    this.#buttons();
    this.work.changed();
    this.timer = setTimeout(() => this.#spoken(), soon);
  }

  async #spoken() {
    const { take } = this;
    this.running?.abort();
    const mine = (this.running = new AbortController());
    try {
      const some = await this.#while(t("speak.speaking"), () => take.again(mine.signal));
      if (this.closed || take !== this.take || mine.signal.aborted) return;
      this.#load();
      this.picture.canvas.heard();
      this.#moved();
      if (some) this.#hear();
    } catch (error) {
      trouble(error);
    }
    if (this.running === mine) this.running = null;
  }

  // Plays the words in which the selection is; without one, all.
  #hear() {
    const chosen = this.picture.selection;
    if (!chosen) {
      this.#play(0);
      return;
    }
    const words = this.take.sentences[chosen.sentence].words;
    const first = words.findLast((one) => one.first <= chosen.first)?.first ?? chosen.first;
    const last = words.find((one) => one.last >= chosen.last)?.last ?? chosen.last;
    this.#play(...this.picture.seconds({ sentence: chosen.sentence, first, last }));
  }

  // ---------------------------------------------------------------- Playing

  async #play(from, to) {
    try {
      await this.player.play(from, to);
    } catch (error) {
      trouble(new Error(t("speak.mute", { why: error.message })));
    }
  }

  #seek(second) {
    const { playing } = this.player;
    this.player.place = second;
    if (playing) this.#play();
    this.#frame();
  }

  // What was chosen, or all from where we are; or ends it.
  #toggle() {
    if (!this.take?.sentences) return;
    if (this.player.playing) this.player.pause();
    else if (this.picture.span) this.#play(...this.picture.span);
    else this.#play();
  }

  #playing() {
    this.play.textContent = t(this.player.playing ? "speak.pauses" : "speak.play");
    this.#frame();
  }

  #frame() {
    if (this.closed) return;
    this.picture.at(this.player.place, this.player.playing);
    if (this.player.playing) this.next ??= requestAnimationFrame(() => {
      this.next = null;
      this.#frame();
    });
  }

  // ---------------------------------------------------------------- Keys

  #global(event) {
    const typing = event.target.matches?.("input:not([type=range]):not([type=checkbox]), textarea, select");
    const key = event.key.toLowerCase();
    if (event.key === "Escape" && this.picture.escape()) return;
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !typing && (key === "z" || key === "y")) {
      event.preventDefault();
      if (key === "y" || event.shiftKey) this.#redo();
      else this.#undo();
    }
    if (event.key === " " && !event.target.matches?.("button, a, summary, input, textarea, select, [role=option]")) {
      event.preventDefault();
      if (!event.repeat) this.#toggle();
    }
  }

  // In the lanes of words and phones.
  #key(event) {
    const cell = event.target;
    if (!cell.phones) return;
    const { shiftKey, ctrlKey, metaKey } = event;
    const control = ctrlKey || metaKey;
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const lift = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (step && control && shiftKey) this.#extend(step);
    else if (step && shiftKey) this.#edit({ lasting: step * LENGTH }, SOON);
    else if (step && !control) this.picture.beside(cell, step)?.focus();
    else if (lift && !control) this.#edit({ lift: lift * (shiftKey ? FINE : LIFT) }, SOON);
    else if (event.key === "Home" || event.key === "End") this.picture.edge(cell, event.key === "End").focus();
    else if (event.key === " " || event.key === "Enter" && !control) {
      if (!this.picture.selection) this.picture.select(cell.phones);
      this.#play(...this.picture.seconds(this.picture.selection));
    } else if (event.key === "Delete" || event.key === "Backspace") this.#back();
    else return;
    event.preventDefault();
  }

  #extend(step) {
    const chosen = this.picture.selection;
    if (!chosen) return;
    const last = Math.min(Math.max(chosen.last + step, chosen.first), this.take.sentences[chosen.sentence].phones.length - 1);
    this.picture.select({ ...chosen, last });
    say(t("speak.cell", this.picture.told(this.picture.selection)));
  }

  // ---------------------------------------------------------------- What is told

  #selected() {
    this.#told();
    this.#buttons();
  }

  #told() {
    const chosen = this.picture.selection;
    this.here.textContent = chosen ? t("speak.cell", this.picture.told(chosen)) : t(this.served.timed ? "speak.none" : "speak.none.fixed");
  }

  #buttons() {
    const there = Boolean(this.take?.sentences);
    const chosen = there && this.served.timed && this.picture.selection;
    for (const one of this.edits) one.disabled = !chosen;
    if (chosen) {
      const { sentence, first, last } = chosen;
      this.edits.at(-1).disabled = ![...this.take.sentences[sentence].changes.keys()].some((n) => n >= first && n <= last);
    }
    this.allback.disabled = !there || !this.take.sentences.some((one) => one.changes.size);
    this.undo.disabled = !this.take?.history?.past.length;
    this.redo.disabled = !this.take?.history?.future.length;
    this.play.disabled = !there;
    this.saving.hidden = !there;
    this.saves.enable(there);
  }

  async #save(format) {
    try {
      const { take } = this;
      const name = `${named(take.text, "speech")}.${SUFFIXES[format] ?? format}`;
      download(await file("/api/speak", take.whole(format)), name);
    } catch (error) {
      trouble(error);
    }
  }

  // ---------------------------------------------------------------- The work

  get title() {
    return (this.isTyped ? this.typed.value : this.text.value).trim().replace(/\s+/g, " ").slice(0, 60);
  }

  contents() {
    const { text, typed, isTyped, settings, drawn } = this;
    if (!text.value && !typed.value && !drawn.every.length) return null;
    const takes = drawn.every.map(({ one }) => ({ asked: one.asked, changed: one.changed, thumb: one.thumb }));
    const here = drawn.every.findIndex(({ one }) => one === drawn.here);
    return { text: text.value, typed: typed.value, isTyped, settings: settings.contents(), takes, here };
  }

  restore(contents) {
    const { text = "", typed = "", isTyped = false, settings, takes = [], here = -1 } = contents ?? {};
    const whole = (one) => typeof one?.asked === "object" && Array.isArray(one.changed ?? []);
    if (typeof text !== "string" || typeof typed !== "string" || !takes.every(whole)) throw new Error(t("speak.damaged"));
    this.running?.abort();
    this.go.stop();
    this.player.pause();
    this.player.load([], 0);
    this.take = null;
    this.picture.show(null);
    this.panel.hidden = this.keys.hidden = true;
    this.notes.replaceChildren();
    this.text.value = text;
    this.typed.value = typed;
    this.settings.restore(settings);
    this.#switch(Boolean(isTyped) && this.served.timed);
    this.drawn.clear();
    this.quiet = true;
    for (const one of takes) {
      const take = new Take({ ...one.asked, model: this.about.name }, one.changed ?? []);
      const thumb = /^data:image\/(png|jpeg);base64,/.test(String(one.thumb)) ? one.thumb : BLANK;
      take.thumb = thumb;
      this.drawn.add(take, thumb, this.#label(take));
    }
    this.quiet = false;
    const chosen = this.drawn.every[here] ?? this.drawn.every.at(-1);
    if (chosen) this.drawn.choose(chosen.one);
    this.#buttons();
    if (!contents) this.text.focus();
  }
}
