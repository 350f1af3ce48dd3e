// How the model writes: temperature, samplers, seed, length, constraint; and the distribution that they leave.

import { element } from "../../../export/page/dom.js";
import { ask } from "../../../studio/api.js";
import { Seed } from "../../../studio/parts.js";
import { keepSettings, settings } from "../../../studio/store.js";
import { t } from "../../../studio/texts.js";

const NUMBERS = {
  top_k: { min: 0, max: 100000, step: 1, value: 0 },
  top_p: { min: 0.01, max: 1, step: 0.01, value: 1 },
  min_p: { min: 0, max: 0.99, step: 0.01, value: 0 },
  typical: { min: 0.01, max: 1, step: 0.01, value: 1 },
  repetition_penalty: { min: 0.1, max: 10, step: 0.1, value: 1 },
};
const TEMPERATURE = 0.8;
const SHOWN = 8;
export const SURPRISE = "surprise";
export const NOVELTY = "novelty";
const SHADINGS = [SURPRISE, NOVELTY, "none"];

const bits = (nats) => (nats / Math.LN2).toFixed(1);
const percent = (p) => {
  if (p >= 0.0995) return `${(100 * p).toFixed(0)} %`;
  if (p >= 0.001) return `${(100 * p).toFixed(1)} %`;
  return p > 0 ? "< 0.1 %" : "0";
};

export class Settings {
  // changed: is called when a setting changes that has an effect on what comes next.
  constructor(valid, changed) {
    const kept = settings("write");
    const number = (name, options) => {
      const own = { type: "number", ...options, value: kept[name] ?? options.value };
      return element("input", { id: name, title: t(`write.${name}.title`), ...own, input: () => this.#changed(changed) });
    };
    this.inputs = Object.fromEntries(Object.entries(NUMBERS).map(([name, all]) => [name, number(name, all)]));
    const heat = { type: "range", id: "temperature", min: 0, max: 2, step: 0.05, value: kept.temperature ?? TEMPERATURE };
    this.inputs.temperature = element("input", { ...heat, input: () => this.#changed(changed) });
    this.degrees = element("output", { for: "temperature" });
    const own = { type: "number", id: "length", min: 1, max: 100000, value: kept.length ?? 200 };
    this.length = element("input", { ...own, input: () => this.#changed(changed) });
    this.seed = new Seed();
    const options = ["", ...valid].map((name) => element("option", { value: name }, name || t("write.valid.none")));
    const choose = { id: "valid", title: t("write.valid.title"), input: () => this.#changed(changed) };
    this.valid = element("select", choose, ...options);
    this.valid.value = valid.includes(kept.valid) ? kept.valid : "";
    const shades = SHADINGS.map((name) => element("option", { value: name }, t(`write.shade.${name}`)));
    this.shade = element("select", { id: "shade", input: () => this.#changed(changed) }, ...shades);
    this.shade.value = SHADINGS.includes(kept.shade) ? kept.shade : SURPRISE;
    this.suggest = this.#box("suggest", kept.suggest ?? true, changed);
    const labelled = (name, ...parts) => element("label", {}, t(`write.${name}`), " ", ...parts);
    this.element = element(
      "section",
      { class: "settings" },
      element("label", { class: "wide" }, t("write.temperature"), " ", this.inputs.temperature, this.degrees),
      this.seed.element,
      element("div", { class: "row" }, labelled("length", this.length), labelled("valid", this.valid)),
      element(
        "details",
        {},
        element("summary", {}, t("write.options")),
        element("div", { class: "options" }, ...Object.keys(NUMBERS).map((name) => labelled(name, this.inputs[name]))),
        element("label", {}, this.suggest, " ", t("write.suggest")),
      ),
    );
    this.#told();
  }

  #box(id, checked, changed) {
    const own = { type: "checkbox", id, input: () => this.#changed(changed) };
    return element("input", { ...own, ...(checked && { checked: "" }) });
  }

  #changed(changed) {
    this.#told();
    keepSettings("write", {
      ...this.sampling,
      length: this.length.value,
      valid: this.valid.value,
      shade: this.shade.value,
      suggest: this.suggest.checked,
    });
    changed();
  }

  #told() {
    this.degrees.textContent = Number(this.inputs.temperature.value).toFixed(2);
  }

  // The sampling options of a request. A field that is empty or out of range counts as its usual value.
  get sampling() {
    const of = (name, input) =>
      input.value !== "" && input.checkValidity() ? input.valueAsNumber : (NUMBERS[name]?.value ?? TEMPERATURE);
    return Object.fromEntries(Object.entries(this.inputs).map(([name, input]) => [name, of(name, input)]));
  }

  // What is asked when the model goes on. fresh: with a new seed, unless it is kept, or was just set.
  request(fresh) {
    const seed = fresh ? this.seed.next() : this.seed.value;
    const max_tokens = Math.max(1, Math.round(Number(this.length.value)) || 1);
    return { ...this.sampling, seed, max_tokens, ...(this.valid.value && { valid: this.valid.value }) };
  }
}

// The distribution behind the cursor, before and after the options.
export class Next {
  constructor(model) {
    this.model = model;
    this.rows = element("ol", { class: "next" });
    this.note = element("p", { class: "quiet" });
    this.element = element("section", {}, element("h2", {}, t("write.next")), this.rows, this.note);
    this.asked = null;
  }

  async show(prompt, sampling) {
    this.asked?.abort();
    this.asked = new AbortController();
    const body = { model: this.model, prompt, ...sampling, top: SHOWN };
    const { tokens, entropy, left, size } = await ask("/api/next", body, this.asked.signal);
    const most = Math.max(...tokens.map(({ p, drawn }) => Math.max(p, drawn)));
    this.rows.replaceChildren(...tokens.map((one) => row(one, most)));
    const values = { before: bits(entropy[0]), after: bits(entropy[1]), left, all: size };
    this.note.textContent = t("write.next.note", values);
  }
}

function row({ token, p, drawn }, most) {
  const told = t("write.next.row", { token: label(token), before: percent(p), after: percent(drawn) });
  const bar = (kind, value) => {
    const found = element("i", { class: kind });
    found.style.width = `${(100 * value) / most}%`;
    return found;
  };
  const bars = element("span", { class: "bars", role: "img", "aria-label": told }, bar("p", p), bar("drawn", drawn));
  return element("li", { ...(drawn === 0 && { class: "gone" }) }, element("b", {}, label(token)), bars, percent(drawn));
}

const MARKS = { " ": "␣", "\n": "↵", "\t": "⇥" };
// A token as it is shown: spaces and new lines can be seen.
export const label = (token) => token.replace(/^ | $|[\n\t]/g, (one) => MARKS[one]);
export { percent };
