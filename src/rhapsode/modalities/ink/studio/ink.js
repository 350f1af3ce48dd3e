// The page on which a model writes by hand.

import { element } from "../../../export/page/dom.js";
import { file } from "../../../studio/api.js";
import { Drawn, Go, Saves, Seed, atControlEnter, desk, download, named } from "../../../studio/parts.js";
import * as store from "../../../studio/store.js";
import { say, trouble } from "../../../studio/studio.js";
import { t } from "../../../studio/texts.js";

const FILES = ["svg", "png", "gcode", "hpgl"];
const LONGEST = 2000;

export function open(main, { about }) {
  return new Page(main, about);
}

class Page {
  constructor(main, about) {
    this.about = about;
    const kept = store.settings("ink");
    this.text = element("textarea", {
      id: "text",
      rows: "3",
      maxlength: String(LONGEST),
      "aria-label": t("ink.text"),
      placeholder: t("ink.empty"),
    });
    this.text.value = kept.text ?? "Hello";
    const slider = (id, max, value) =>
      element("input", { type: "range", id, min: "0", max: String(max), step: "0.05", value: String(kept[id] ?? value) });
    this.bias = slider("bias", 3, 0.7);
    this.degrees = element("output", { for: "bias" });
    this.seed = new Seed();
    const options = ["left", "centre", "right"].map((name) => element("option", { value: name }, t(`ink.${name}`)));
    this.align = element("select", { id: "align" }, ...options);
    this.align.value = kept.align ?? "left";
    this.live = element("input", { type: "checkbox", id: "live", ...((kept.live ?? true) && { checked: "" }) });
    this.go = new Go("ink", (signal) => this.write(signal), () => {});
    this.go.button.title = t("ink.go.title");
    this.picture = element("img", { id: "picture", hidden: "" });
    this.drawn = new Drawn(t("ink.drawn"), (one) => this.#show(one), ({ url }) => URL.revokeObjectURL(url));
    this.saves = new Saves(FILES, (name) => this.#save(name));
    const labelled = (name, ...parts) => element("label", {}, t(`ink.${name}`), " ", ...parts);
    this.bias.addEventListener("input", () => this.#told());
    const settings = element(
      "section",
      { class: "settings" },
      element("label", { class: "wide" }, t("ink.bias"), " ", this.bias, this.degrees),
      element("p", { class: "quiet" }, t("ink.bias.note")),
      this.seed.element,
      labelled("align", this.align),
      element("label", {}, this.live, " ", t("ink.live")),
    );
    const tools = element("div", { class: "row tools" }, this.go.button, ...this.saves.buttons);
    const sheet = element("div", { class: "ink paper", "aria-live": "polite" }, this.picture);
    main.append(desk([this.text, tools, sheet, this.drawn.element], [settings]));
    atControlEnter(this.text, () => this.go.press());
    this.#told();
  }

  close() {
    this.go.stop();
    this.drawn.close();
  }

  #told() {
    this.degrees.textContent = Number(this.bias.value).toFixed(2);
  }

  // What is asked: the same writes the same again.
  #asked() {
    const asked = { text: this.text.value, bias: Number(this.bias.value), align: this.align.value, seed: this.seed.next() };
    store.keepSettings("ink", { text: asked.text, bias: asked.bias, align: asked.align, live: this.live.checked });
    return { model: this.about.name, unknown: "nearest", ...asked };
  }

  async write(signal) {
    const asked = this.#asked();
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const animated = this.live.checked && !still;
    const url = URL.createObjectURL(await file("/api/write", { ...asked, format: "svg", animated }, signal));
    const label = t("ink.again", { text: asked.text, bias: asked.bias.toFixed(2), seed: asked.seed });
    this.drawn.add({ asked, url }, url, label);
    say(t("ink.written", { text: asked.text }));
  }

  #show({ asked, url }) {
    Object.assign(this.picture, { src: url, alt: asked.text, hidden: false });
    this.seed.value = asked.seed;
    this.saves.enable(true);
  }

  async #save(format) {
    try {
      const { asked } = this.drawn.here;
      download(await file("/api/write", { ...asked, format }), `${named(asked.text, "writing")}.${format}`);
    } catch (error) {
      trouble(error);
    }
  }
}
