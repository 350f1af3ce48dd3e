// The page on which a model writes by hand.

import { element } from "../../../export/page/dom.js";
import { file } from "../../../studio/api.js";
import { Saves, Seed, download, named } from "../../../studio/parts.js";
import * as store from "../../../studio/store.js";
import { say, trouble } from "../../../studio/studio.js";
import { t } from "../../../studio/texts.js";

const FILES = ["svg", "png", "gcode", "hpgl"];
const KEPT = 24; // drawings that one can go back to
const LONGEST = 2000;

export function open(main, { about }) {
  return new Page(main, about);
}

class Page {
  constructor(main, about) {
    this.about = about;
    this.drawn = []; // { asked, url, button }, the latest last
    this.here = null;
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
    this.go = element("button", { id: "go", class: "main", title: t("ink.go.title"), click: () => this.write() });
    this.picture = element("img", { id: "picture", hidden: "" });
    this.sheet = element("div", { class: "ink paper", "aria-live": "polite" }, this.picture);
    this.row = element("div", { class: "drawn", role: "group", "aria-label": t("ink.drawn") });
    this.saves = new Saves(FILES, (name) => this.#save(name));
    const labelled = (name, ...parts) => element("label", {}, t(`ink.${name}`), " ", ...parts);
    this.bias.addEventListener("input", () => this.#told());
    main.append(
      element(
        "div",
        { class: "desk" },
        element("section", {}, this.text, element("div", { class: "row tools" }, this.go, ...this.saves.buttons), this.sheet, this.row),
        element(
          "aside",
          {},
          element(
            "section",
            { class: "settings" },
            element("label", { class: "wide" }, t("ink.bias"), " ", this.bias, this.degrees),
            element("p", { class: "quiet" }, t("ink.bias.note")),
            this.seed.element,
            labelled("align", this.align),
            element("label", {}, this.live, " ", t("ink.live")),
          ),
        ),
      ),
    );
    this.text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        this.write();
      }
    });
    this.#told();
    this.#buttons();
  }

  close() {
    this.running?.abort();
    for (const { url } of this.drawn) URL.revokeObjectURL(url);
  }

  #told() {
    this.degrees.textContent = Number(this.bias.value).toFixed(2);
  }

  #buttons() {
    this.go.textContent = t(this.running ? "ink.stop" : "ink.go");
    this.saves.enable(this.here);
  }

  // What is asked: the same writes the same again.
  #asked() {
    const asked = { text: this.text.value, bias: Number(this.bias.value), align: this.align.value, seed: this.seed.next() };
    store.keepSettings("ink", { text: asked.text, bias: asked.bias, align: asked.align, live: this.live.checked });
    return { model: this.about.name, unknown: "nearest", ...asked };
  }

  async write() {
    if (this.running) {
      this.running.abort();
      return;
    }
    const own = (this.running = new AbortController());
    this.#buttons();
    const asked = this.#asked();
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const animated = this.live.checked && !still;
    try {
      const blob = await file("/api/write", { ...asked, format: "svg", animated }, own.signal);
      this.#add(asked, URL.createObjectURL(blob));
      say(t("ink.written", { text: asked.text }));
    } catch (error) {
      trouble(error);
    }
    if (this.running === own) this.running = null;
    this.#buttons();
  }

  #add(asked, url) {
    const label = t("ink.again", { text: asked.text, bias: asked.bias.toFixed(2), seed: asked.seed });
    const thumb = element("img", { src: url, alt: "" });
    const one = { asked, url };
    one.button = element("button", { "aria-label": label, title: label, click: () => this.#show(one) }, thumb);
    this.drawn.push(one);
    this.row.prepend(one.button);
    if (this.drawn.length > KEPT) {
      const first = this.drawn.shift();
      first.button.remove();
      URL.revokeObjectURL(first.url);
    }
    this.#show(one);
  }

  #show(one) {
    this.here = one;
    this.picture.src = one.url;
    this.picture.alt = one.asked.text;
    this.picture.hidden = false;
    this.seed.value = one.asked.seed;
    for (const { button } of this.drawn) button.setAttribute("aria-pressed", button === one.button);
    this.#buttons();
  }

  async #save(format) {
    try {
      const blob = await file("/api/write", { ...this.here.asked, format });
      download(blob, `${named(this.here.asked.text, "writing")}.${format}`);
    } catch (error) {
      trouble(error);
    }
  }
}
