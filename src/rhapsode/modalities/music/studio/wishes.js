// What one wishes of a tune: the settings that the model heeds.

import { element } from "../../../export/page/dom.js";
import * as store from "../../../studio/store.js";
import { t } from "../../../studio/texts.js";

const NUMBERS = { bars: [1, 512, 1], tempo: [10, 400, "any"], density: [0.01, 100, "any"], max_copy: [0, 10_000, 1] };
const WORDS = ["metre", "key", "chords", "program"];
const FRESH = ["bars", "metre", "key", "chords", "loop", "max_copy"]; // only a new tune heeds them
const ALWAYS = ["in_key", "density", "tempo", "program"];

export class Wishes {
  // heeds: names of wishes; usual: of the model; bars: that its tunes have. seed: the seed's part.
  constructor({ heeds, usual, bars }, seed) {
    this.inputs = {};
    const kept = store.settings("compose");
    const tempo = usual.tempo && Math.round(usual.tempo);
    const own = { bars, metre: usual.metre.join("/"), key: usual.key, tempo, max_copy: t("compose.any") };
    const field = (name) => this.#field(name, kept[name], own[name] || t("compose.own"));
    const some = (names) => names.filter((name) => heeds.includes(name)).map(field);
    this.fresh = element("fieldset", { id: "wish-new" }, element("legend", {}, t("compose.fresh")), ...some(FRESH));
    const heat = { type: "range", id: "temperature", min: "0.1", max: "2", step: "0.05" };
    this.temperature = element("input", { ...heat, value: String(kept.temperature ?? 1), input: () => this.#told() });
    this.degrees = element("output", { for: "temperature" });
    this.element = element(
      "section",
      { class: "settings wishes" },
      this.fresh,
      element(
        "fieldset",
        {},
        element("legend", {}, t("compose.always")),
        ...some(ALWAYS),
        element("label", { class: "wide" }, t("compose.temperature"), " ", this.temperature, this.degrees),
        seed.element,
      ),
    );
    this.#told();
  }

  #field(name, kept, usual) {
    const called = name === "tempo" ? "quarters" : name; // the player's speed has the other name
    const common = { id: `wish-${name}`, title: t(`compose.${called}.title`) };
    if (NUMBERS[name]) {
      const [min, max, step] = NUMBERS[name];
      const limits = { type: "number", min: String(min), max: String(max), step: String(step) };
      const shown = { placeholder: String(usual), value: String(kept ?? "") };
      this.inputs[name] = element("input", { ...common, ...limits, ...shown });
    } else if (WORDS.includes(name)) {
      const shown = { type: "text", placeholder: usual, value: kept ?? "", maxlength: name === "chords" ? "5000" : "100" };
      this.inputs[name] = element("input", { ...common, ...shown });
    } else {
      this.inputs[name] = element("input", { ...common, type: "checkbox", ...(kept && { checked: "" }) });
      return element("label", { class: "tick", title: common.title }, this.inputs[name], t(`compose.${called}`));
    }
    return element("label", { class: name === "chords" ? "long" : "" }, t(`compose.${called}`), this.inputs[name]);
  }

  #told() {
    this.degrees.textContent = Number(this.temperature.value).toFixed(2);
  }

  // Whether what is written can be; shows what cannot.
  check() {
    const wrong = Object.values(this.inputs).find((input) => !input.matches(":disabled") && !input.checkValidity());
    wrong?.reportValidity();
    return !wrong;
  }

  #values(names) {
    const found = {};
    for (const name of names) {
      const input = this.inputs[name];
      if (!input) continue;
      if (input.type === "checkbox") {
        if (input.checked) found[name] = true;
      } else if (input.value.trim()) found[name] = NUMBERS[name] ? input.valueAsNumber : input.value.trim();
    }
    return found;
  }

  // All that is set, as JSON has it.
  get values() {
    return { ...this.#values([...FRESH, ...ALWAYS]), temperature: Number(this.temperature.value) };
  }

  set values(values) {
    for (const [name, input] of Object.entries(this.inputs)) {
      if (input.type === "checkbox") input.checked = Boolean(values[name]);
      else input.value = values[name] ?? "";
    }
    this.temperature.value = values.temperature ?? 1;
    this.#told();
  }

  // Fields of a request: for a new tune; or for some of one that there is.
  asked(fresh) {
    store.keepSettings("compose", this.values);
    return { ...this.#values(fresh ? [...FRESH, ...ALWAYS] : ALWAYS), temperature: Number(this.temperature.value) };
  }
}
