// How the voice is to speak. Limits and defaults are the server's own.

import { element } from "../../../export/page/dom.js";
import { ask } from "../../../studio/api.js";
import { Seed } from "../../../studio/parts.js";
import * as store from "../../../studio/store.js";
import { t } from "../../../studio/texts.js";

const fields = Object.entries((await ask("/openapi.json")).components.schemas.Speak.properties);
// name of a field → { default, maximum, … }; null, which may be given for all of them, aside
export const LIMITS = Object.fromEntries(fields.map(([name, one]) => [name, one.anyOf?.[0] ?? one]));

// name → [least, most, step, how it is told]: what a slider of the page has of what the server allows
const SLIDERS = {
  speed: [0.5, 2, 0.05, (value) => `× ${value.toFixed(2)}`],
  pitch: [-12, 12, 0.5, (value) => t("speak.semitones", { count: value > 0 ? `+${value}` : value < 0 ? `−${-value}` : 0 })],
  liveliness: [0, 2, 0.1, (value) => value.toFixed(1)],
  temperature: [0, 1.5, 0.05, (value) => value.toFixed(2)],
};

export class Settings {
  // served: what the server says of the model. changed: is called at each change.
  constructor(served, changed) {
    const kept = store.settings("speak");
    this.served = served;
    this.changed = changed;
    this.seed = new Seed();
    this.seed.element.addEventListener("input", changed);
    this.sliders = new Map();
    for (const [name, [least, most, step]] of Object.entries(SLIDERS)) {
      const value = String(kept[name] ?? LIMITS[name].default);
      const own = { type: "range", id: name, min: String(least), max: String(most), step: String(step), value };
      const input = element("input", { ...own, input: () => this.#tell() });
      this.sliders.set(name, { input, told: element("output", { for: name }) });
    }
    const { maximum } = LIMITS.pause;
    this.pause = element("input", { type: "number", id: "pause", min: "0", max: String(maximum), step: "0.1", placeholder: t("speak.own"), value: String(kept.pause ?? ""), input: changed });
    this.lines = element("input", { type: "checkbox", id: "lines", input: changed });
    this.lines.checked = kept.lines ?? false;
    this.speaker = element("select", { id: "speaker", change: changed }, ...served.speakers.map((name) => element("option", { value: name }, name)));
    if (served.speakers.includes(kept.speaker)) this.speaker.value = kept.speaker;
    this.lexicon = element("textarea", { id: "lexicon", rows: "3", spellcheck: "false", placeholder: t("speak.lexicon.example"), "aria-label": t("speak.lexicon"), input: changed });
    const slider = (name) => {
      const { input, told } = this.sliders.get(name);
      return element("label", { class: "wide", title: t(`speak.${name}.title`) }, t(`speak.${name}`), " ", input, told);
    };
    const shown = ["speed", "pitch", "liveliness", "temperature"].filter((name) => served.timed || name !== "speed");
    this.element = element(
      "section",
      { class: "settings" },
      ...shown.map(slider),
      this.seed.element,
      ...(served.timed ? [element("label", { title: t("speak.pause.title") }, t("speak.pause"), " ", this.pause)] : []),
      element("label", {}, this.lines, " ", t("speak.lines")),
      ...(served.speakers.length > 1 ? [element("label", {}, t("speak.speaker"), " ", this.speaker)] : []),
      element("details", {}, element("summary", {}, t("speak.lexicon")), this.lexicon, element("p", { class: "quiet" }, t("speak.lexicon.note"))),
    );
    this.#tell();
  }

  value(name) {
    return Number(this.sliders.get(name).input.value);
  }

  #tell() {
    for (const [name, { input, told }] of this.sliders) {
      told.textContent = SLIDERS[name][3](Number(input.value));
      input.setAttribute("aria-valuetext", told.textContent);
    }
    this.seed.element.hidden = !this.value("temperature");
    this.changed();
  }

  // Words and how they are said. Throws an Error for a line that is neither empty nor `word = how`.
  #words() {
    const found = {};
    for (const line of this.lexicon.value.split("\n")) {
      if (!line.trim()) continue;
      const at = line.search(/[=\t]/);
      const [word, how] = [line.slice(0, at).trim(), line.slice(at + 1).trim()];
      if (at < 1 || !word || !how) throw new Error(t("speak.lexicon.wrong", { line: line.trim() }));
      found[word] = how;
    }
    return found;
  }

  // Fields of a request. typed: whether phones are said, not a text.
  asked(typed) {
    const kept = this.contents();
    store.keepSettings("speak", { ...kept, lexicon: undefined, seed: undefined });
    const lexicon = this.#words();
    return {
      ...(this.served.timed && { speed: this.value("speed") }),
      pitch: this.value("pitch"),
      liveliness: this.value("liveliness"),
      temperature: this.value("temperature"),
      ...(this.value("temperature") && { seed: this.seed.next() }),
      ...(this.served.timed && this.pause.value && !typed && { pause: this.pause.valueAsNumber }),
      ...(this.lines.checked && !typed && { sentences: "line" }),
      ...(this.served.speakers.length > 1 && { speaker: this.speaker.value }),
      ...(Object.keys(lexicon).length && !typed && { lexicon }),
    };
  }

  contents() {
    const sliders = Object.fromEntries([...this.sliders.keys()].map((name) => [name, this.value(name)]));
    const { pause, lines, speaker, lexicon, seed } = this;
    return { ...sliders, pause: pause.value, lines: lines.checked, speaker: speaker.value, lexicon: lexicon.value, seed: seed.value };
  }

  restore(kept) {
    for (const [name, { input }] of this.sliders) input.value = String(kept?.[name] ?? LIMITS[name].default);
    this.pause.value = kept?.pause ?? "";
    this.lines.checked = kept?.lines ?? false;
    if (this.served.speakers.includes(kept?.speaker)) this.speaker.value = kept.speaker;
    this.lexicon.value = kept?.lexicon ?? "";
    if (kept?.seed !== undefined) this.seed.value = kept.seed;
    this.#tell();
  }
}
