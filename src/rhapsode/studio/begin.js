// A new training: the files it learns from, what was found in them, and what may be chosen.

import { element } from "../export/page/dom.js";
import { bytes } from "./amounts.js";
import { ask, send } from "./api.js";
import { filesOf, takesDrops, taken } from "./dropped.js";
import { keepSettings, settings } from "./store.js";
import { address, say, trouble } from "./studio.js";
import { t } from "./texts.js";

const ALONE = 3; // more files than these, dropped together, become a folder
const SHORT = 110; // characters of a row that is shown at once
const FIRST = 5; // such rows
const LEFT_OUT = ["left out", "left aside"]; // labels of `inspect`

export class Begin {
  constructor(main, shelf) {
    Object.assign(this, { shelf, sources: [], rows: new Map(), sending: new Set(), used: new Set(shelf.models.map(({ name }) => name)) });
    const kept = settings("train");
    this.#form(kept);
    this.runs = element("ul", { class: "works runs" });
    this.compare = element("button", { id: "compare", type: "button", disabled: "", click: () => this.#compare() }, t("train.compare"));
    this.past = element("section", { hidden: "" }, element("h2", {}, t("train.runs")), this.runs, this.compare);
    main.append(element("h1", {}, t("train.title")), element("p", { class: "quiet" }, t("train.note")), this.form, this.past);
    this.undrop = takesDrops(main, (found) => this.#send(found));
    for (const path of Array.isArray(kept.sources) ? kept.sources : []) this.#look(String(path));
    this.#list();
    const given = taken();
    if (given.length) this.#send(given);
  }

  close() {
    this.closed = true;
    this.undrop();
    for (const one of this.sending) one.abort();
  }

  #form(kept) {
    const keep = () => this.#keep();
    const own = { pattern: "[\\p{L}\\p{N}_][\\p{L}\\p{N}_.\\-]{0,59}", maxlength: "60", required: "" };
    this.name = element("input", { type: "text", id: "name", value: kept.name ?? this.#fresh("mine"), ...own, input: () => (this.named = true) && keep() });
    this.named = Boolean(kept.name);
    this.minutes = element("input", { type: "number", id: "minutes", min: "0.1", step: "any", value: kept.minutes ?? "5", required: "", input: keep });
    const pick = (id, more) => {
      const input = element("input", { type: "file", id, multiple: "", class: "hidden", ...more });
      input.addEventListener("change", async () => {
        const found = await filesOf({ files: input.files });
        input.value = "";
        this.#send(found);
      });
      return input;
    };
    this.files = pick("files", {});
    this.folder = pick("folder", { webkitdirectory: "", tabindex: "-1", "aria-hidden": "true" });
    const whole = element("button", { type: "button", id: "choose-folder", click: () => this.folder.click() }, t("train.folder"));
    this.path = element("input", { type: "text", id: "path", placeholder: t("train.path.example"), spellcheck: "false" });
    this.add = element("button", { id: "add", type: "button", click: () => this.#add() }, t("train.add"));
    this.found = element("div", { id: "found", class: "found", "aria-live": "polite" });
    this.mixed = element("p", { class: "warn", hidden: "" }, t("train.mixed"));
    this.base = element("select", { id: "base", change: () => this.#offer() });
    this.options = element("div", { class: "options" });
    this.more = element("details", { hidden: "" }, element("summary", {}, t("train.options")), this.options);
    this.go = element("button", { id: "begin", class: "main", disabled: "" }, t("train.begin"));
    this.path.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      this.#add();
    });
    this.based = element("div", { class: "field", hidden: "" }, element("label", { for: "base" }, t("train.base")), this.base);
    const field = (id, ...parts) => element("div", { class: "field" }, element("label", { for: id }, t(`train.${id}`)), ...parts);
    this.form = element(
      "form",
      { class: "begin" },
      element("label", { class: "drop paper", for: "files" }, element("span", {}, t("train.drop")), this.files),
      element("div", { class: "row" }, whole, this.folder),
      field("path", element("div", { class: "row" }, this.path, this.add)),
      this.found,
      this.mixed,
      element("div", { class: "fields" }, field("name", this.name), field("minutes", this.minutes), this.based),
      this.more,
      element("div", { class: "row" }, this.go, element("span", { class: "quiet" }, t("train.begin.note"))),
    );
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#begin();
    });
  }

  #keep() {
    const name = this.named ? { name: this.name.value } : {};
    keepSettings("train", { ...name, minutes: this.minutes.value, sources: this.sources });
  }

  // A name that no model has.
  #fresh(name) {
    for (let n = 1; ; n++) {
      const found = n === 1 ? name : `${name}-${n}`;
      if (!this.used.has(`models/${found}`)) return found;
    }
  }

  async #list() {
    const { runs } = await ask("/api/runs");
    this.past.hidden = !runs.length;
    const chosen = () => (this.compare.disabled = this.runs.querySelectorAll("input:checked").length < 2);
    this.runs.replaceChildren(
      ...runs.map(({ name, state, changed }) => {
        const mark = element("input", { type: "checkbox", value: name, "aria-label": t("train.choose", { name }), change: chosen });
        const when = changed ? new Date(1000 * changed).toLocaleString() : "";
        return element("li", {}, mark, element("a", { href: address("train", name) }, name), element("span", { class: "quiet" }, when), element("span", { class: `state ${state}` }, t(`train.${state}`)));
      }),
    );
    this.compare.hidden = runs.length < 2;
  }

  #compare() {
    const names = Array.from(this.runs.querySelectorAll("input:checked"), ({ value }) => value);
    location.hash = address("train", "compare", ...names);
  }

  // ---------------------------------------------------------------- What it learns from

  // Sends files to the studio, and looks at them there.
  async #send(found) {
    if (this.closed) return;
    if (!found.length) {
      say(t("train.nothing"));
      return;
    }
    if (!this.named && !this.rows.size) this.name.value = this.#fresh(stem(found[0].path));
    if (!this.name.reportValidity()) return;
    const total = found.reduce((sum, { file }) => sum + file.size, 0);
    const stop = new AbortController();
    this.sending.add(stop);
    const bar = element("progress", { max: String(total || 1), value: "0", "aria-label": t("train.sent") });
    const told = element("span", { class: "quiet" });
    const cancel = element("button", { type: "button", click: () => stop.abort() }, t("train.cancel"));
    const label = found.length === 1 ? found[0].path : t("train.files", { count: found.length });
    const row = element("div", { class: "paper sending" }, element("b", {}, t("train.sending", { name: label })), cancel, bar, told);
    this.found.append(row);
    this.#ready();
    const tops = new Map(); // folder that was dropped → its name in the studio
    const together = found.filter(({ path }) => !path.includes("/")).length > ALONE ? `${t("train.together")}/` : "";
    const sources = new Set();
    let before = 0;
    try {
      for (const { file, path } of found) {
        const [top, ...rest] = (path.includes("/") ? path : together + path).split("/");
        const first = rest.length > 0 && !tops.has(top) && !this.#has(top);
        const to = [this.name.value, tops.get(top) ?? top, ...rest].map(encodeURIComponent).join("/") + (first ? "?new" : "");
        const progress = (loaded) => {
          bar.value = before + loaded;
          told.textContent = t("train.sent.of", { done: bytes(before + loaded), all: bytes(total) });
        };
        const answer = await send(`/api/runs/files/${to}`, file, progress, stop.signal);
        before += file.size;
        if (rest.length) tops.set(top, last(answer.folder));
        sources.add(rest.length ? answer.folder : answer.path);
      }
    } catch (error) {
      if (error.name === "AbortError") say(t("train.cancelled"));
      trouble(error);
      sources.clear();
    }
    row.remove();
    this.sending.delete(stop);
    for (const path of sources) this.#look(path);
    this.#ready();
  }

  // Whether a folder that was dropped is among the sources: then more files can come into it.
  #has(top) {
    return this.sources.some((path) => path.split(/[\\/]/).slice(-3).join("/") === `uploads/${this.name.value}/${top}`);
  }

  #add() {
    const path = this.path.value.trim();
    if (!path) return;
    this.path.value = "";
    this.#look(path);
  }

  async #look(path) {
    if (this.closed) return;
    this.rows.get(path)?.remove();
    const told = element("div", { class: "told" }, element("p", { class: "quiet" }, t("train.looking")));
    const drop = () => {
      this.sources = this.sources.filter((one) => one !== path);
      this.rows.delete(path);
      row.remove();
      this.#ready();
      this.#keep();
      this.path.focus();
    };
    const label = { "aria-label": t("train.leave", { path }), title: t("train.leave", { path }) };
    const title = element("b", { title: path }, last(path) ?? path);
    const row = element("article", { class: "paper source" }, title, element("button", { type: "button", click: drop, ...label }, "×"), told);
    this.rows.set(path, row);
    this.found.append(row);
    try {
      const [found] = (await ask("/api/runs/look", { sources: [path] })).sources;
      if (!row.isConnected) return;
      row.found = found;
      row.classList.toggle("wrong", !found.codec);
      told.replaceChildren(...shown(found));
      if (found.codec && !this.sources.includes(path)) this.sources.push(path);
      this.#ready();
      this.#keep();
    } catch (error) {
      row.remove();
      this.rows.delete(path);
      trouble(error);
    }
  }

  // What can be used of what was found: the button, the models to begin from, the options.
  #ready() {
    const found = this.sources.map((path) => this.rows.get(path)?.found).filter(Boolean);
    const kinds = new Set(found.map(({ training }) => training?.modality));
    this.mixed.hidden = kinds.size < 2;
    this.go.disabled = !this.sources.length || this.sending.size > 0;
    const training = kinds.size === 1 ? found[0].training : null;
    if (training?.modality === this.training?.modality && Boolean(training) === Boolean(this.training)) return;
    this.training = training;
    const same = training ? this.shelf.models.filter(({ modality }) => modality === training.modality) : [];
    this.base.replaceChildren(element("option", { value: "" }, t("train.base.none")), ...same.map(({ name }) => element("option", {}, name)));
    this.based.hidden = !same.length;
    this.more.hidden = !training;
    this.#offer();
  }

  // The options of `rhapsode train` for this kind of data; a model that one begins from has its own codec and size.
  #offer() {
    const { codecs = [], options = [] } = this.training ?? {};
    const based = Boolean(this.base.value);
    const select = (name, every) => element("select", { id: `option-${name}`, name }, element("option", { value: "" }, t("train.auto")), ...every);
    const input = (name, kind, example = "") => {
      const type = kind === "whole" || kind === "number" ? "number" : kind === "flag" ? "checkbox" : "text";
      return element("input", { id: `option-${name}`, name, type, ...(type === "number" && { step: kind === "whole" ? "1" : "any" }), ...(type === "text" && { placeholder: example || t("train.auto"), spellcheck: "false" }) });
    };
    const field = (name, part, help) =>
      element("div", { class: part.type === "checkbox" ? "field flag" : "field" }, element("label", { for: `option-${name}` }, help), part, element("code", { class: "quiet" }, `--${name.replaceAll("_", "-")}`));
    const fields = [];
    if (!based) {
      const every = codecs.map(({ name, summary }) => element("option", { value: name, title: summary }, `${name}: ${summary}`));
      if (codecs.length > 1) fields.push(field("codec", select("codec", every), t("train.codec")));
      fields.push(field("params", input("params", "text", "800k, 4M"), t("train.params")));
      for (const { name, kind, example, help } of options) fields.push(field(name, input(name, kind, example), help.replace(/\.$/, "")));
    }
    fields.push(field("dropout", input("dropout", "number"), t("train.dropout")), field("seed", input("seed", "whole"), t("train.seed")));
    fields.push(field("all_files", input("all_files", "flag"), t("train.all_files")));
    this.options.replaceChildren(...fields);
  }

  async #begin() {
    const options = {};
    for (const one of this.options.querySelectorAll("input, select")) {
      if (one.type === "checkbox" ? one.checked : one.value.trim()) options[one.name] = one.type === "checkbox" ? true : one.value.trim();
    }
    const body = { name: this.name.value, sources: this.sources, minutes: this.minutes.valueAsNumber, options };
    if (this.base.value) body.base = this.base.value;
    try {
      await ask("/api/runs", body);
      keepSettings("train", { minutes: this.minutes.value });
      keepSettings("train.last", { name: body.name, minutes: this.minutes.value, sources: this.sources });
      location.hash = address("train", body.name);
    } catch (error) {
      trouble(error);
    }
  }
}

const last = (path) => path.split(/[\\/]/).filter(Boolean).at(-1);

// A name for a model from that of a file or folder.
function stem(path) {
  const first = path.split("/")[0];
  const name = path.includes("/") ? first : first.replace(/\.[^.]*$/, "");
  return name.replace(/[^\p{L}\p{N}_.-]+/gu, "-").replace(/^[^\p{L}\p{N}_]+/u, "").slice(0, 40) || "mine";
}

// What was found in a source: what counts, what was left out and why, and all else behind a click.
function shown({ rows, warnings, codec, why, wrong }) {
  const list = (some) => element("dl", {}, ...some.flatMap(([label, text]) => [element("dt", {}, label), element("dd", {}, text)]));
  const left = [...rows.filter(([label]) => LEFT_OUT.includes(label)).map(([, text]) => text), ...warnings];
  const facts = rows.filter(([label]) => !LEFT_OUT.includes(label));
  const first = facts.filter(([, text]) => text.length <= SHORT).slice(0, FIRST);
  const rest = facts.filter((one) => !first.includes(one));
  const parts = [list(first)];
  if (left.length) parts.push(element("h3", {}, t("train.left")), element("ul", { class: "left" }, ...left.map((one) => element("li", {}, one))));
  if (rest.length) parts.push(element("details", {}, element("summary", {}, t("train.rest")), list(rest)));
  if (!codec) parts.push(element("p", { class: "warn" }, [wrong, why].filter(Boolean).join("\n") || t("train.useless")));
  return parts;
}
