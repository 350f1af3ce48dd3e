// The page on which a model composes: a tune, another one with one change, some bars of it anew.

import { element } from "../../../export/page/dom.js";
import { ask, file } from "../../../studio/api.js";
import { Saves, Seed, download } from "../../../studio/parts.js";
import * as store from "../../../studio/store.js";
import { say, trouble } from "../../../studio/studio.js";
import { t } from "../../../studio/texts.js";

const FILES = ["mid", "abc", "musicxml", "wav", "svg"];
const KEPT = 24; // tunes that one can go back to

export function open(main, { about }) {
  return new Page(main, about);
}

class Page {
  constructor(main, about) {
    this.about = about;
    this.drawn = []; // { asked, tune, picture, sound, button }, the latest last
    this.here = null;
    const kept = store.settings("compose");
    const number = (id, min, max, value = "") =>
      element("input", { type: "number", id, min: String(min), max: String(max), value: String(kept[id] ?? value) });
    const words = (id) => {
      const own = { type: "text", id, title: t(`compose.${id}.title`), placeholder: t("compose.own") };
      return element("input", { ...own, value: kept[id] ?? "", maxlength: "500" });
    };
    this.bars = number("bars", 1, 512, 8);
    this.tempo = number("tempo", 10, 400);
    this.key = words("key");
    this.chords = words("chords");
    const heat = { type: "range", id: "temperature", min: "0.1", max: "2", step: "0.05", value: String(kept.temperature ?? 1) };
    this.temperature = element("input", { ...heat, input: () => this.#told() });
    this.degrees = element("output", { for: "temperature" });
    this.seed = new Seed();
    this.go = element("button", { id: "go", class: "main", title: t("compose.go.title"), click: () => this.compose() });
    this.fill = element("button", { id: "fill", title: t("compose.fill.title"), click: () => this.#fill() }, t("compose.fill"));
    this.which = element("input", { type: "text", id: "which", placeholder: "3-4", "aria-label": t("compose.fill.title") });
    this.which.addEventListener("input", () => this.#buttons());
    this.saves = new Saves(FILES, (name) => this.#save(name));
    this.picture = element("img", { id: "picture", hidden: "" });
    this.sound = element("audio", { id: "sound", controls: "", hidden: "", "aria-label": t("compose.sound") });
    this.row = element("div", { class: "drawn", role: "group", "aria-label": t("compose.drawn") });
    const labelled = (name, ...parts) => element("label", {}, t(`compose.${name}`), " ", ...parts);
    main.append(
      element(
        "div",
        { class: "desk" },
        element(
          "section",
          {},
          element("div", { class: "row tools" }, this.go, this.which, this.fill),
          element("div", { class: "roll paper" }, this.picture, this.sound),
          this.row,
          element("div", { class: "row tools" }, ...this.saves.buttons),
        ),
        element(
          "aside",
          {},
          element(
            "section",
            { class: "settings" },
            labelled("bars", this.bars),
            labelled("tempo", this.tempo),
            labelled("key", this.key),
            labelled("chords", this.chords),
            element("label", { class: "wide" }, t("compose.temperature"), " ", this.temperature, this.degrees),
            this.seed.element,
          ),
        ),
      ),
    );
    this.keyed = (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      this.compose();
    };
    document.addEventListener("keydown", this.keyed);
    this.#told();
    this.#buttons();
  }

  close() {
    this.running?.abort();
    document.removeEventListener("keydown", this.keyed);
    for (const one of this.drawn) this.#drop(one);
  }

  #drop({ picture, sound }) {
    URL.revokeObjectURL(picture);
    if (sound) URL.revokeObjectURL(sound);
  }

  #told() {
    this.degrees.textContent = Number(this.temperature.value).toFixed(2);
  }

  #buttons() {
    this.go.textContent = t(this.running ? "compose.stop" : "compose.go");
    this.fill.disabled = !this.here || !this.which.value.trim() || Boolean(this.running);
    this.saves.enable(this.here);
  }

  // What is asked: the same composes the same again.
  #asked() {
    const wishes = {
      ...(this.bars.value && { bars: Math.round(this.bars.valueAsNumber) }),
      ...(this.tempo.value && { tempo: this.tempo.valueAsNumber }),
      ...(this.key.value.trim() && { key: this.key.value.trim() }),
      ...(this.chords.value.trim() && { chords: this.chords.value.trim() }),
      temperature: Number(this.temperature.value),
    };
    store.keepSettings("compose", wishes);
    return { model: this.about.name, ...wishes, seed: this.seed.next() };
  }

  compose() {
    if (this.running) {
      this.running.abort();
      return null;
    }
    return this.#draw(this.#asked());
  }

  #fill() {
    const { model, temperature, seed } = this.#asked();
    return this.#draw({ model, temperature, seed, fill: { tune: this.here.tune }, fill_bars: this.which.value.trim() });
  }

  async #draw(asked) {
    const own = (this.running = new AbortController());
    this.#buttons();
    try {
      const { samples } = await ask("/api/compose", asked, own.signal);
      const picture = URL.createObjectURL(await file("/api/compose", { ...asked, format: "svg" }, own.signal));
      const sound = await file("/api/compose", { ...asked, format: "wav" }, own.signal).catch((error) => {
        if (error.name === "AbortError") throw error;
        return null; // there is no synthesiser
      });
      this.#add({ asked, tune: samples[0].tune, picture, sound: sound && URL.createObjectURL(sound) });
      say(t("compose.done", { bars: samples[0].bars ?? asked.bars ?? "" }));
    } catch (error) {
      trouble(error);
    }
    if (this.running === own) this.running = null;
    this.#buttons();
  }

  #add(one) {
    const label = t("compose.again", { number: this.drawn.length + 1, seed: one.asked.seed });
    const thumb = element("img", { src: one.picture, alt: "" });
    one.button = element("button", { "aria-label": label, title: label, click: () => this.#show(one) }, thumb);
    this.drawn.push(one);
    this.row.prepend(one.button);
    if (this.drawn.length > KEPT) {
      const first = this.drawn.shift();
      first.button.remove();
      this.#drop(first);
    }
    this.#show(one);
  }

  #show(one) {
    this.here = one;
    Object.assign(this.picture, { src: one.picture, alt: t("compose.picture"), hidden: false });
    this.sound.hidden = !one.sound;
    if (one.sound) this.sound.src = one.sound;
    this.seed.value = one.asked.seed;
    for (const { button } of this.drawn) button.setAttribute("aria-pressed", button === one.button);
    this.#buttons();
  }

  async #save(format) {
    try {
      download(await file("/api/compose", { ...this.here.asked, format }), `tune.${format}`);
    } catch (error) {
      trouble(error);
    }
  }
}
