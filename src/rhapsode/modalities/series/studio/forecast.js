// The page on which a model says how series may go on.

import { element } from "../../../export/page/dom.js";
import { file } from "../../../studio/api.js";
import { Go, Saves, Seed, desk, download } from "../../../studio/parts.js";
import * as store from "../../../studio/store.js";
import { say, trouble } from "../../../studio/studio.js";
import { t } from "../../../studio/texts.js";

const LARGEST = 2_000_000; // characters of a table
const FILES = ["csv", "json", "svg", "png"];

export function open(main, { about }) {
  return new Page(main, about);
}

class Page {
  constructor(main, about) {
    this.about = about;
    this.asked = null; // what the picture shows
    const kept = store.settings("forecast");
    this.table = element("textarea", {
      id: "table",
      rows: "8",
      spellcheck: "false",
      "aria-label": t("forecast.table"),
      placeholder: t("forecast.empty"),
      input: () => this.#keep(),
    });
    this.table.value = kept[about.name] ?? "";
    for (const name of ["dragover", "dragleave", "drop"]) this.table.addEventListener(name, (event) => this.#dragged(event));
    this.file = element("input", { type: "file", hidden: "", accept: ".csv,.tsv,.txt,text/csv,text/plain" });
    this.file.addEventListener("change", () => this.#read(this.file.files[0]));
    const number = (id, min, max, value) =>
      element("input", { type: "number", id, min: String(min), max: String(max), step: "1", ...(value && { value }) });
    this.horizon = number("horizon", 1, 5000, "");
    this.paths = number("n", 2, 1000, "200");
    this.seed = new Seed();
    this.go = new Go("forecast", (signal) => this.forecast(signal), () => this.saves.enable(this.asked));
    this.saves = new Saves(FILES, (name) => this.#save(name));
    this.picture = element("img", { id: "picture", hidden: "" });
    const labelled = (name, ...parts) => element("label", {}, t(`forecast.${name}`), " ", ...parts);
    const choose = element("button", { id: "choose", click: () => this.file.click() }, t("forecast.choose"));
    const tools = element("div", { class: "row tools" }, this.go.button, choose, this.file, ...this.saves.buttons);
    const sheet = element("div", { class: "sheet paper" }, this.picture);
    const ahead = [labelled("horizon", this.horizon), labelled("n", this.paths), this.seed.element];
    main.append(desk([this.table, tools, sheet], [element("section", { class: "settings" }, ...ahead)]));
  }

  close() {
    this.go.stop();
    if (this.url) URL.revokeObjectURL(this.url);
  }

  #keep() {
    store.keepSettings("forecast", { ...store.settings("forecast"), [this.about.name]: this.table.value });
  }

  #dragged(event) {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    this.table.classList.toggle("over", event.type === "dragover");
    if (event.type === "drop") this.#read(event.dataTransfer.files[0]);
  }

  async #read(given) {
    this.file.value = "";
    if (!given) return;
    if (given.size > LARGEST) {
      trouble(new Error(t("forecast.large", { name: given.name })));
      return;
    }
    this.table.value = await given.text();
    this.#keep();
  }

  // What is asked: the same draws the same again.
  #asked() {
    const whole = (input) => Math.round(input.valueAsNumber);
    return {
      model: this.about.name,
      seed: this.seed.next(),
      n: whole(this.paths) || 200,
      ...(this.table.value.trim() && { table: this.table.value }),
      ...(this.horizon.value && { horizon: whole(this.horizon) }),
    };
  }

  async forecast(signal) {
    const asked = this.#asked();
    const blob = await file("/api/forecast", { ...asked, format: "svg" }, signal);
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = URL.createObjectURL(blob);
    Object.assign(this.picture, { src: this.url, alt: t("forecast.picture"), hidden: false });
    this.asked = asked;
    say(t("forecast.done"));
  }

  async #save(format) {
    try {
      download(await file("/api/forecast", { ...this.asked, format }), `forecast.${format}`);
    } catch (error) {
      trouble(error);
    }
  }
}
