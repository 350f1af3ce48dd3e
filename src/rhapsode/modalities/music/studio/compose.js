// The page on which a model composes: a tune, another one with one change, some bars or parts of it anew.

import { element } from "../../../export/page/dom.js";
import { ask, events, file } from "../../../studio/api.js";
import { Drawn, Go, Saves, Seed, atControlEnter, desk, download, named } from "../../../studio/parts.js";
import { hush, say, trouble } from "../../../studio/studio.js";
import { t } from "../../../studio/texts.js";
import { Work } from "../../../studio/work.js";
import { Player } from "../player/player.js";
import { clock, held, ordered } from "../player/tune.js";
import { Instruments } from "./instruments.js";
import { Score } from "./score.js";
import { checked, given, ranges, rechorded, thumb, tuneOf } from "./tunes.js";
import { Wishes } from "./wishes.js";

export const styles = ["modalities/music/studio/compose.css"];

const PATH = "/api/compose";
const FILES = ["mid", "musicxml", "abc", "wav", "svg", "html"];
const LARGEST = 700_000; // bytes of a file of a tune
const FEW = 4; // passages that are listed at once
const PATIENCE = 400; // ms, until the page says that it goes on

export function open(main, { about, served, rest }) {
  return new Page(main, about, served, rest[0]);
}

class Page {
  constructor(main, about, served, id) {
    Object.assign(this, { about, served, count: 0, notes: [] });
    this.seed = new Seed();
    this.wishes = new Wishes(served, this.seed);
    this.go = new Go("compose", (signal) => this.#draw(signal), () => this.#buttons());
    this.score = new Score({
      fills: served.fills,
      harmonic: served.heeds.includes("chords"),
      changed: () => this.#selected(),
      chord: (bar, text) => this.#rechord(bar, text),
    });
    this.saves = new Saves(FILES, (name) => this.#save(name));
    this.work = new Work(about, "compose", id, this);
    this.#build(main);
    this.player = new Player({ play: t("compose.play"), pause: t("compose.pause"), silent: t("compose.silent") }, (text) =>
      trouble(new Error(text)),
    );
    this.instruments.player = this.player;
    this.unheard = atControlEnter(document, () => this.go.press());
    this.#nothing();
    this.work.open();
  }

  #build(main) {
    const button = (name, click) =>
      element("button", { id: name, click, title: t(`compose.${name}.title`) }, t(`compose.${name}`));
    const row = (kind, ...parts) => element("div", { class: `row ${kind}` }, ...parts);
    this.on = button("on", () => this.go.run((signal) => this.#goOn(signal)));
    this.others = button("others", () => this.score.invert());
    this.none = button("none", () => this.score.select([], []));
    this.choose = element("input", { type: "file", id: "file", accept: ".abc,.mid,.midi,.musicxml,.xml,.jsonl", hidden: "" });
    this.choose.addEventListener("change", () => this.#chosen());
    this.doing = element("progress", { id: "doing", hidden: "", "aria-label": t("compose.doing") });
    this.progress = element("p", { class: "quiet", id: "going" });
    this.said = element("p", { class: "quiet", id: "said" });
    this.told = element("p", { class: "warn", id: "told" });
    this.copies = element("section", { id: "copies", "aria-label": t("compose.copies") });
    this.instruments = new Instruments();
    this.empty = element("p", { class: "empty paper quiet" }, t("compose.empty"));
    const { score } = this;
    const hint = t(score.byParts ? "compose.hint.parts" : score.byBars ? "compose.hint" : "compose.hint.none");
    const quiet = (text) => element("span", { class: "quiet" }, text);
    this.drawn = new Drawn(t("compose.drawn"), (one) => this.#chose(one), () => {});
    this.all = element(
      "section",
      { id: "tune", "aria-label": t("compose.tune") },
      this.#transport(),
      row("choosing", quiet(t("compose.hear")), score.heard),
      ...(score.byBars ? [row("choosing", quiet(t("compose.draw")), score.chosen, this.others, this.none)] : []),
      element("p", { class: "quiet hint" }, hint),
      score.roll,
      element("input", { id: "seek", type: "range", min: "0", max: "1000", value: "0", "aria-label": t("compose.seek") }),
      this.said,
      this.told,
      this.copies,
      this.drawn.element,
      this.saves.element,
    );
    const open = button("open", () => this.choose.click());
    const tools = row("tools", this.go.button, this.on, open, this.choose, this.doing, this.progress);
    this.place = element("div", { class: "place" }, this.empty, this.all);
    const keys = element("p", { class: "quiet keys" }, t("compose.keys"));
    const work = [tools, this.place, this.work.element, keys];
    main.append(desk(work, [this.wishes.element], "composing"));
    this.#droppable(this.place);
    // What was clicked leaves the space bar to the player.
    main.addEventListener("click", (event) => {
      if (event.detail) event.target.closest("button")?.blur();
    });
  }

  #transport() {
    const range = (id, min, max, value, ...more) => [
      t(`compose.${id}`),
      element("input", { id, type: "range", min, max, value, step: id === "tempo" ? "5" : "1" }),
      ...more,
    ];
    return element(
      "div",
      { id: "transport" },
      element("button", { id: "play", class: "main", "aria-keyshortcuts": "Space" }, t("compose.play")),
      element("button", { id: "loop", "aria-pressed": "false", "aria-keyshortcuts": "L" }, t("compose.round")),
      element("output", { id: "time" }, "0:00"),
      element("label", {}, ...range("tempo", "40", "200", "100", element("output", { id: "speed" }, "100 %"))),
      element("label", {}, ...range("volume", "0", "100", "80")),
      this.instruments.element,
    );
  }

  #nothing() {
    this.empty.hidden = false;
    this.all.hidden = true;
    this.#buttons();
  }

  close() {
    this.closed = true;
    this.unheard();
    this.go.stop();
    this.work.close();
    this.player.close();
    this.instruments.close();
  }

  // ---------------------------------------------------------------- What is asked

  get here() {
    return this.drawn.here;
  }

  #buttons() {
    const busy = Boolean(this.go.running);
    const { here } = this;
    const anew = Boolean(here) && !this.score.empty;
    this.wishes.fresh.disabled = anew;
    this.wishes.fresh.title = anew ? t("compose.fresh.title") : "";
    this.go.button.textContent = busy ? t("compose.stop") : anew ? this.#what("compose.anew") : t("compose.go");
    this.go.button.title = t(anew ? "compose.fill.title" : "compose.go.title");
    this.on.disabled = busy || !here;
    this.none.disabled = this.others.disabled = !anew;
    this.saves.enable(here);
    clearTimeout(this.waiting);
    this.waiting = busy ? setTimeout(() => (this.doing.hidden = false), PATIENCE) : null;
    if (!busy) {
      this.doing.hidden = true;
      this.progress.textContent = "";
    }
  }

  // What is drawn anew, in words.
  #what(name = "compose.what") {
    const { bars, parts } = this.score;
    const names = [...parts].sort((one, other) => one - other).map((n) => this.here.shown.sounds[n].name).join(", ");
    const which = ranges(bars, "–").replaceAll(",", ", ");
    const words = t(bars.size === 1 ? "compose.which.bar" : "compose.which.bars", { bars: which });
    if (!parts.size) return t(name, { what: words });
    return t(name, { what: bars.size ? t("compose.which.both", { bars: words, parts: names }) : names });
  }

  #selected() {
    this.#buttons();
    say(this.score.empty ? t("compose.selected.none") : t("compose.selected", { what: this.#what() }));
    this.work.changed();
  }

  #draw(signal) {
    return this.here && !this.score.empty ? this.#fill(signal) : this.#compose(signal);
  }

  #asked(fresh) {
    return { ...this.wishes.asked(fresh), seed: this.seed.next() };
  }

  #compose(signal) {
    if (!this.wishes.check()) return null;
    const asked = this.#asked(true);
    return this.#add({ asked, loop: asked.loop }, t("compose.label", { seed: asked.seed }), signal);
  }

  #fill(signal) {
    if (!this.wishes.check()) return null;
    const { here, score } = this;
    const asked = this.#asked(false);
    if (score.bars.size) asked.fill_bars = ranges(score.bars);
    if (score.parts.size) asked.fill_parts = ranges(score.parts);
    const label = t("compose.label.anew", { what: this.#what(), seed: asked.seed });
    return this.#add({ asked, base: here, role: "fill", loop: here.loop, anew: [...score.anew] }, label, signal, this.player.place);
  }

  // Composes on from what is shown.
  #goOn(signal) {
    if (!this.wishes.check()) return null;
    const { here } = this;
    const asked = this.#asked(true);
    asked.bars = here.shown.bars.length + (asked.bars ?? this.served.bars);
    delete asked.chords;
    return this.#add({ asked, base: here, role: "primer" }, t("compose.label.on", { seed: asked.seed }), signal);
  }

  // The answer to a request for one tune, which is shown as it is drawn.
  async #answer(asked, signal) {
    const body = { model: this.about.name, ...asked, shown: true };
    if (asked.tune) {
      const { samples, notes = [], held_out } = await ask(PATH, body, signal);
      this.notes.push(...notes);
      return { ...samples[0], held_out };
    }
    const live = new Live(this.served);
    this.progress.textContent = t(asked.fill || asked.loop ? "compose.side" : "compose.doing");
    say(t("compose.doing"));
    for await (const event of events(PATH, { ...body, stream: true }, signal)) {
      if (event.samples) {
        this.notes.push(...(event.notes ?? []));
        return { ...event.samples[0], held_out: event.held_out };
      }
      this.#live(live.add(event), asked);
    }
    throw new Error(t("compose.ended"));
  }

  #live(tune, { bars }) {
    if (this.closed) return;
    if (!this.empty.hidden || !this.all.hidden) {
      this.empty.hidden = true;
      this.all.hidden = false;
    }
    this.player.leave();
    this.all.classList.add("live");
    this.score.live(tune);
    const [done, count] = [Math.ceil(tune.drawn / tune.bar), bars ?? this.served.bars];
    const values = { bar: Math.min(done, count), bars: count, notes: tune.notes.length, number: tune.row + 1 };
    this.progress.textContent = t(tune.row ? "compose.going.again" : "compose.going", values);
  }

  // Asks for a tune, and adds it to those that were drawn. one: what is known of it. at: the second where one listens.
  async #add({ asked, base, role, loop, anew }, label, signal, at = 0) {
    const before = this.here;
    const { playing } = this.player;
    this.notes = []; // what is to be said of it
    hush();
    try {
      const given = role ? { [role]: { tune: base.tune } } : {};
      const { tune, shown, held_out } = await this.#answer({ ...asked, ...given }, signal);
      if (this.closed) return;
      if (anew) this.#lost(base, tune, anew);
      const one = { id: ++this.count, asked, of: base?.id, base: base?.tune, role, loop, label, tune, shown, held_out };
      one.told = this.notes;
      this.at = at;
      this.drawn.add(one, thumb(tune), label);
      this.at = 0;
      if (playing) this.player.play(); // who listens goes on to listen
      say([t("compose.done", { bars: shown.bars.length, notes: tune.notes.length }), ...this.notes].join(" "));
      this.work.changed();
    } catch (error) {
      if (this.all.classList.contains("live") && !this.closed) {
        if (before) this.#show(before);
        else this.#nothing();
        this.all.classList.remove("live");
      }
      throw error;
    }
  }

  // Says if notes that were to stay are not there: those of a tune that was opened, which the model cannot have.
  #lost(base, tune, anew) {
    const places = new Set(tune.notes.map(([start, , pitch]) => `${start} ${pitch}`));
    const scale = tune.ticks / base.tune.ticks;
    const gone = base.tune.notes.filter(([start, , pitch], n) => {
      const at = Math.round(start * scale);
      return !anew[n] && ![at - 1, at, at + 1].some((tick) => places.has(`${tick} ${pitch}`));
    });
    if (gone.length) this.notes.push(t("compose.lost", { count: gone.length }));
  }

  // ---------------------------------------------------------------- What is shown

  async #chose(one) {
    if (this.restoring) return;
    if (!one.shown) {
      try {
        Object.assign(one, await this.#answer({ tune: { tune: one.tune } }));
      } catch (error) {
        trouble(error);
        return;
      }
      if (this.closed || this.here !== one) return;
    }
    this.#show(one, this.at);
    this.work.changed();
  }

  #show(one, at = 0) {
    this.empty.hidden = true;
    this.all.hidden = false;
    this.all.classList.remove("live");
    const { shown } = one;
    const tune = tuneOf(one.tune, shown);
    // Parts that are not heard stay so, as long as tunes have the same.
    const before = this.player.parts ?? [];
    const same = before.length === shown.sounds.length && before.every(({ name }, n) => name === shown.sounds[n].name);
    const sounds = shown.sounds.map((sound, n) => {
      return { ...sound, program: tune.parts[n]?.program ?? 0, ...(same && { heard: before[n].heard }) };
    });
    this.score.show(tune, { ...shown, sounds });
    const notes = [...tune.notes, ...held(tune)]; // chords are heard, and not drawn as notes
    this.player.load({ notes, parts: sounds, time: clock(tune), bars: shown.bars, scale: this.score.scale }, at);
    if (one.loop && !this.player.looping) this.player.loop();
    if (one.asked?.seed !== undefined) this.seed.value = one.asked.seed;
    const counts = t("compose.counts", { bars: shown.bars.length, notes: tune.notes.length });
    this.said.textContent = [...shown.facts, counts].join(" · ");
    this.told.textContent = (one.told ?? []).join(" ");
    this.#copied(one);
    this.#buttons();
  }

  #copied({ shown, held_out }) {
    const { copies, longest } = shown;
    if (!copies) return this.copies.replaceChildren();
    const [half, most] = held_out?.notes ?? [];
    const usual = held_out?.tunes ? ` ${t("compose.copies.usual", { half, most })}` : "";
    const [copied, of] = longest;
    const head = t(copies.length ? "compose.copies.some" : "compose.copies.none", { notes: copied, of });
    const list = copies.map(({ notes, bar, title: called, name, known_bar: known }) => {
      const where = { notes: notes.length, bar, title: called || name || t("compose.copies.untitled"), known };
      const play = () => this.player.seek(this.player.bars[bar - 1] ?? 0);
      const title = t("compose.copies.play");
      return element("li", {}, element("button", { click: play, title }, t("compose.copies.row", where)));
    });
    const rows = element("ul", {}, ...list);
    const all = element("summary", {}, t("compose.copies.all", { count: copies.length }));
    const shorter = list.length > FEW ? element("details", {}, all, rows) : rows;
    this.copies.replaceChildren(element("p", { class: "quiet" }, head + usual), shorter);
  }

  async #rechord(bar, text) {
    if (this.go.running) return;
    const { here, score } = this;
    const tune = rechorded(here.tune, score.spans[bar], text);
    const selected = new Set([...score.bars, bar]);
    await this.go.run(async (signal) => {
      const label = t("compose.label.chord", { bar: bar + 1 });
      await this.#add({ asked: { tune: { tune } }, loop: here.loop }, label, signal, this.player.place);
      score.select(selected, score.parts);
      score.focusChord(bar);
    });
  }

  // ---------------------------------------------------------------- Files

  #droppable(place) {
    const over = (on) => (event) => {
      event.preventDefault();
      place.classList.toggle("over", on);
    };
    place.addEventListener("dragover", over(true));
    place.addEventListener("dragleave", over(false));
    place.addEventListener("drop", (event) => {
      over(false)(event);
      if (event.dataTransfer.files.length) this.#read(event.dataTransfer.files[0]);
    });
  }

  #chosen() {
    const [chosen] = this.choose.files;
    this.choose.value = "";
    if (chosen) this.#read(chosen);
  }

  #read(chosen) {
    if (this.go.running) return;
    this.go.run(async (signal) => {
      const most = LARGEST.toLocaleString("en");
      if (chosen.size > LARGEST) throw new Error(t("compose.large", { name: chosen.name, most }));
      let music = null;
      try {
        music = given(new Uint8Array(await chosen.arrayBuffer()));
      } catch {
        throw new Error(t("compose.unread", { name: chosen.name }));
      }
      await this.#add({ asked: { tune: music } }, t("compose.label.file", { name: chosen.name }), signal);
    });
  }

  async #save(format) {
    const { tune, loop } = this.here;
    try {
      const body = { model: this.about.name, tune: { tune }, format, ...(loop && { loop: true }) };
      download(await file(PATH, body), `${named(this.title, "tune")}.${format}`);
    } catch (error) {
      trouble(error);
    }
  }

  // ---------------------------------------------------------------- The work

  get title() {
    const { here } = this;
    if (!here) return "";
    if (!here.shown) return here.label;
    const { bars, facts } = here.shown;
    return t("compose.title", { bars: bars.length, facts: facts.slice(0, 2).join(", ") });
  }

  contents() {
    const { every, here } = this.drawn;
    if (!every.length) return null;
    const ids = new Set(every.map(({ one }) => one.id));
    const drawn = every.map(({ one: { id, asked, of, base, role, loop, label, told, tune } }) => {
      // A tune that is given is what is shown; one that others began with is among them, or is kept with it.
      const own = asked.tune ? {} : asked;
      return { id, asked: own, role, of, ...(base && !ids.has(of) && { base }), loop, label, told, tune };
    });
    const [bars, parts] = [[...this.score.bars], [...this.score.parts]];
    return { wishes: this.wishes.values, lock: this.seed.lock.checked, drawn, here: here?.id, bars, parts };
  }

  restore(contents) {
    const { drawn = [], wishes = {}, lock, here, bars = [], parts = [] } = contents ?? {};
    for (const { tune } of drawn) checked(tune);
    this.go.stop();
    this.player.leave();
    this.drawn.clear();
    this.count = Math.max(0, ...drawn.map(({ id }) => id));
    if (contents) {
      this.wishes.values = wishes;
      this.seed.lock.checked = Boolean(lock);
    }
    [this.score.bars, this.score.parts] = [new Set(bars), new Set(parts)];
    this.restoring = true;
    const tunes = new Map(drawn.map(({ id, tune }) => [id, tune]));
    for (const one of drawn) {
      const base = one.base ?? tunes.get(one.of);
      this.drawn.add({ ...one, base }, thumb(one.tune), String(one.label));
    }
    this.restoring = false;
    const last = this.drawn.every.find(({ one }) => one.id === here) ?? this.drawn.every.at(-1);
    if (last) this.drawn.choose(last.one);
    else this.#nothing();
  }
}

// A tune as it is drawn: from events of the server.
class Live {
  constructor({ usual }) {
    this.usual = usual;
    this.notes = new Map();
    this.row = 0;
  }

  add({ row, ticks, notes, parts }) {
    if (row !== this.row) this.notes.clear(); // the one before has copied too much
    this.row = row;
    for (const note of notes) this.notes.set(note.slice(0, 4).join(), note);
    const all = ordered([...this.notes.values()]);
    const drawn = all.reduce((end, [start, lasts]) => Math.max(end, start + lasts), 0);
    const [beats, unit] = this.usual.metre;
    const bar = (4 * ticks * beats) / unit;
    const length = Math.ceil(drawn / bar) * bar;
    const own = parts.map(([name, program, drums]) => ({ name, program, drums }));
    return { ticks, notes: all, parts: own, length, metres: [[0, beats, unit]], chords: [], bar, drawn, row };
  }
}
