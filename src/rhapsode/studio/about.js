// A model as a whole: what it is, what it learnt from, how well it predicts files, and what it becomes for others.

import { element } from "../export/page/dom.js";
import { lossCurves, losses, unitOf } from "./amounts.js";
import { ask, file, put } from "./api.js";
import { Curve } from "./curve.js";
import { Saves, desk, download } from "./parts.js";
import { address, say, trouble } from "./studio.js";
import { t } from "./texts.js";

export const styles = ["studio/about.css", "studio/curve.css"];

const SHOWN = 8; // values of a list
const OPEN = ["trained_on", "quality"]; // sections that are unfolded

export function open(main, { about, shelf }) {
  return new Page(main, about, shelf);
}

class Page {
  constructor(main, about, shelf) {
    this.about = about;
    this.facts = element("div", { class: "facts", "aria-busy": "true" }, element("p", { class: "quiet" }, t("about.wait")));
    this.saves = new Saves(shelf.forms, (form) => this.#export(form));
    this.saves.enable(true);
    this.files = element("input", { type: "file", id: "measured", class: "hidden", change: () => this.#measure(this.files.files[0]) });
    this.drop = element("label", { class: "drop paper", for: "measured" }, t("about.drop"), this.files);
    for (const name of ["dragover", "dragleave", "drop"]) this.drop.addEventListener(name, (event) => this.#dragged(event));
    this.score = element("div", { class: "facts", "aria-live": "polite" });
    this.curve = new Curve(t("train.curve"));
    this.unit = element("p", { class: "quiet" });
    this.learnt = element("section", { hidden: "" }, element("h2", {}, t("about.loss")), this.curve.element, this.unit);
    const { name, picture } = about;
    const source = `/api/shelf/picture?model=${encodeURIComponent(name)}`;
    const own = /^models\/([^/]+)$/.exec(name); // a training of the studio
    const work = [
      element("p", { class: "quiet" }, t("about.is", { noun: about.noun, verb: about.verb, name })),
      this.facts,
      ...(picture === "model" ? [element("h2", {}, t("about.model")), element("img", { src: source, alt: t("home.picture.model", { name }) })] : []),
      this.learnt,
      ...(own ? [element("p", {}, element("a", { href: address("train", own[1]) }, t("about.training")))] : []),
    ];
    const beside = [
      element("h2", {}, t("about.take")),
      element("p", { class: "quiet" }, t("about.reveals")),
      this.saves.element,
      element("h2", {}, t("about.measure")),
      element("p", { class: "quiet" }, t("about.measure.note")),
      this.drop,
      this.score,
    ];
    main.append(desk(work, beside));
    this.#look();
    this.#learn();
  }

  close() {
    this.closed = true;
    this.curve.close();
  }

  async #learn() {
    const found = await ask(`/api/shelf/metrics?model=${encodeURIComponent(this.about.name)}`);
    if (this.closed || !found.metrics.length) return;
    const known = losses(found.metrics, found.unit);
    this.learnt.hidden = false;
    this.curve.show(lossCurves(known), "min");
    this.unit.textContent = t("train.curve.note", { unit: unitOf(known.unit) });
  }

  async #look() {
    try {
      const found = await ask(`/api/shelf/inspect?model=${encodeURIComponent(this.about.name)}`);
      this.facts.replaceChildren(...sections(found));
    } catch (error) {
      this.facts.replaceChildren();
      trouble(error);
    }
    this.facts.setAttribute("aria-busy", "false");
  }

  async #export(form) {
    const { name } = this.about;
    this.saves.enable(false);
    say(t("about.exporting", { form }));
    try {
      const contents = await file("/api/shelf/export", { model: name, form });
      download(contents, `${name.split(/[/:]/).at(-1)}.${form}${contents.type === "application/zip" ? ".zip" : ""}`);
      say(t("about.exported", { form }));
    } catch (error) {
      say("");
      trouble(error);
    }
    this.saves.enable(true);
  }

  #dragged(event) {
    event.preventDefault();
    this.drop.classList.toggle("over", event.type === "dragover");
    if (event.type === "drop") this.#measure(event.dataTransfer.files[0]);
  }

  async #measure(one) {
    if (!one) return;
    this.score.replaceChildren(element("p", { class: "quiet" }, t("about.measuring", { name: one.name })));
    try {
      const path = `/api/shelf/score/${encodeURIComponent(one.name)}?model=${encodeURIComponent(this.about.name)}`;
      const { files, ...found } = await put(path, one);
      if (this.closed) return;
      this.score.replaceChildren(element("h3", {}, one.name), list(found));
    } catch (error) {
      this.score.replaceChildren();
      trouble(error);
    }
    this.files.value = "";
  }
}

// What `rhapsode inspect` says: first what it says in a word each, then its sections, folded.
function sections(found) {
  const { kind, ...values } = found;
  const entries = Object.entries(values);
  const plain = Object.fromEntries(entries.filter(([, value]) => !isObject(value)));
  const nested = entries.filter(([, value]) => isObject(value) && Object.keys(value).length);
  nested.sort(([one], [other]) => OPEN.includes(other) - OPEN.includes(one));
  const folded = nested.map(([name, value]) => {
    const own = OPEN.includes(name) ? { open: "" } : {};
    return element("details", own, element("summary", {}, words(name)), list(value));
  });
  return [list(plain), ...folded];
}

function list(values) {
  const rows = Object.entries(values).filter(([, value]) => value !== null && value !== false && value !== "");
  return element(
    "dl",
    {},
    ...rows.flatMap(([name, value]) => [
      element("dt", {}, words(name)),
      element("dd", {}, isObject(value) ? list(value) : said(value)),
    ]),
  );
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const words = (name) => name.replaceAll("_", " ");

function said(value) {
  if (Array.isArray(value)) return value.slice(0, SHOWN).map(said).join(", ") + (value.length > SHOWN ? ` … (${value.length})` : "");
  if (typeof value === "number") return value.toLocaleString("en", { maximumSignificantDigits: Number.isInteger(value) ? 21 : 5 });
  return String(value);
}
