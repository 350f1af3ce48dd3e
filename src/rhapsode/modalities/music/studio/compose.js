// The page on which a model composes: a tune, another one with one change, some bars of it anew.

import { element } from "../../../export/page/dom.js";
import { ask, file } from "../../../studio/api.js";
import { Drawn, Go, Saves, Seed, atControlEnter, desk, download } from "../../../studio/parts.js";
import * as store from "../../../studio/store.js";
import { say, trouble } from "../../../studio/studio.js";
import { t } from "../../../studio/texts.js";

const FILES = ["mid", "abc", "musicxml", "wav", "svg"];

export function open(main, { about }) {
  return new Page(main, about);
}

class Page {
  constructor(main, about) {
    this.about = about;
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
    this.go = new Go("compose", (signal) => this.#draw(this.#asked(), signal), () => this.#buttons());
    this.go.button.title = t("compose.go.title");
    this.fill = element("button", { id: "fill", title: t("compose.fill.title"), click: () => this.#fill() }, t("compose.fill"));
    this.which = element("input", { type: "text", id: "which", placeholder: "3-4", "aria-label": t("compose.fill.title") });
    this.which.addEventListener("input", () => this.#buttons());
    this.saves = new Saves(FILES, (name) => this.#save(name));
    this.picture = element("img", { id: "picture", hidden: "" });
    this.sound = element("audio", { id: "sound", controls: "", hidden: "", "aria-label": t("compose.sound") });
    this.drawn = new Drawn(t("compose.drawn"), (one) => this.#show(one), ({ picture, sound }) => {
      URL.revokeObjectURL(picture);
      if (sound) URL.revokeObjectURL(sound);
    });
    const labelled = (name, ...parts) => element("label", {}, t(`compose.${name}`), " ", ...parts);
    const settings = element(
      "section",
      { class: "settings" },
      labelled("bars", this.bars),
      labelled("tempo", this.tempo),
      labelled("key", this.key),
      labelled("chords", this.chords),
      element("label", { class: "wide" }, t("compose.temperature"), " ", this.temperature, this.degrees),
      this.seed.element,
    );
    const tools = element("div", { class: "row tools" }, this.go.button, this.which, this.fill);
    const roll = element("div", { class: "roll paper" }, this.picture, this.sound);
    const saves = element("div", { class: "row tools" }, ...this.saves.buttons);
    main.append(desk([tools, roll, this.drawn.element, saves], [settings]));
    this.unheard = atControlEnter(document, () => this.go.press());
    this.#told();
    this.#buttons();
  }

  close() {
    this.unheard();
    this.go.stop();
    this.drawn.close();
  }

  #told() {
    this.degrees.textContent = Number(this.temperature.value).toFixed(2);
  }

  #buttons() {
    this.fill.disabled = !this.drawn.here || !this.which.value.trim() || Boolean(this.go.running);
    this.saves.enable(this.drawn.here);
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

  #fill() {
    const { model, temperature, seed } = this.#asked();
    const { tune } = this.drawn.here;
    const asked = { model, temperature, seed, fill: { tune }, fill_bars: this.which.value.trim() };
    return this.go.run((signal) => this.#draw(asked, signal));
  }

  async #draw(asked, signal) {
    const { samples } = await ask("/api/compose", asked, signal);
    const picture = URL.createObjectURL(await file("/api/compose", { ...asked, format: "svg" }, signal));
    const sound = await file("/api/compose", { ...asked, format: "wav" }, signal).catch((error) => {
      if (error.name === "AbortError") throw error;
      return null; // there is no synthesiser
    });
    const one = { asked, tune: samples[0].tune, picture, sound: sound && URL.createObjectURL(sound) };
    this.drawn.add(one, picture, t("compose.again", { number: this.drawn.every.length + 1, seed: asked.seed }));
    say(t("compose.done", { bars: samples[0].bars ?? asked.bars ?? "" }));
  }

  #show({ asked, picture, sound }) {
    Object.assign(this.picture, { src: picture, alt: t("compose.picture"), hidden: false });
    this.sound.hidden = !sound;
    if (sound) this.sound.src = sound;
    this.seed.value = asked.seed;
    this.#buttons();
  }

  async #save(format) {
    try {
      download(await file("/api/compose", { ...this.drawn.here.asked, format }), `tune.${format}`);
    } catch (error) {
      trouble(error);
    }
  }
}
