// Training: a model of one's own files, and how it learns.

import { element } from "../export/page/dom.js";
import { ask, put } from "./api.js";
import { Curve } from "./curve.js";
import { address, say, trouble } from "./studio.js";
import { t } from "./texts.js";

const EVERY = 1500; // ms between two looks at a training

export function open(main, { shelf, rest }) {
  return rest[0] ? new Watched(main, shelf, rest[0]) : new Begin(main, shelf);
}

// ---------------------------------------------------------------- A new one

class Begin {
  constructor(main, shelf) {
    this.sources = []; // paths on this machine
    const own = { pattern: "[\\p{L}\\p{N}_][\\p{L}\\p{N}_.\\-]{0,59}", maxlength: "60", required: "" };
    this.name = element("input", { type: "text", id: "name", value: fresh(shelf), ...own });
    this.minutes = element("input", { type: "number", id: "minutes", min: "0.1", step: "any", value: "5", required: "" });
    const pick = { type: "file", id: "files", multiple: "", class: "hidden", change: () => this.#send(this.files.files) };
    this.files = element("input", pick);
    this.path = element("input", { type: "text", id: "path", placeholder: t("train.path.example"), spellcheck: "false" });
    this.add = element("button", { id: "add", type: "button", click: () => this.#add() }, t("train.add"));
    this.found = element("div", { id: "found", class: "found", "aria-live": "polite" });
    this.go = element("button", { id: "begin", class: "main", disabled: "" }, t("train.begin"));
    this.drop = element("label", { class: "drop paper", for: "files" }, t("train.drop"), this.files);
    for (const name of ["dragover", "dragleave", "drop"]) this.drop.addEventListener(name, (event) => this.#dragged(event));
    this.path.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      this.#add();
    });
    const form = element(
      "form",
      {},
      element("label", { for: "name" }, t("train.name")),
      this.name,
      this.drop,
      element("label", { for: "path" }, t("train.path")),
      element("div", { class: "row" }, this.path, this.add),
      this.found,
      element("label", { for: "minutes" }, t("train.minutes")),
      element("div", { class: "row" }, this.minutes, this.go),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#begin();
    });
    this.runs = element("ul", { class: "works" });
    this.heading = element("h2", { hidden: "" }, t("train.runs"));
    main.append(element("h1", {}, t("train.title")), element("p", { class: "quiet" }, t("train.note")), form);
    main.append(this.heading, this.runs);
    this.#list();
  }

  async #list() {
    const { runs } = await ask("/api/runs");
    this.heading.hidden = !runs.length;
    this.runs.replaceChildren(
      ...runs.map(({ name, state }) =>
        element("li", {}, element("a", { href: address("train", name) }, name), element("span", {}, t(`train.${state}`))),
      ),
    );
  }

  #dragged(event) {
    event.preventDefault();
    this.drop.classList.toggle("over", event.type === "dragover");
    if (event.type === "drop") this.#send(event.dataTransfer.files);
  }

  async #send(files) {
    if (!this.name.reportValidity()) return;
    for (const file of Array.from(files)) {
      say(t("train.sending", { name: file.name }));
      try {
        const { path } = await put(`/api/runs/files/${encodeURIComponent(this.name.value)}/${encodeURIComponent(file.name)}`, file);
        await this.#look(path);
      } catch (error) {
        trouble(error);
      }
    }
    this.files.value = "";
  }

  #add() {
    const path = this.path.value.trim();
    if (!path) return;
    this.path.value = "";
    this.#look(path);
  }

  async #look(path) {
    if (this.sources.includes(path)) return;
    const told = element("pre", {}, t("train.looking"));
    const drop = () => {
      this.sources = this.sources.filter((one) => one !== path);
      row.remove();
      this.go.disabled = !this.sources.length;
    };
    const label = { "aria-label": t("train.leave", { path }) };
    const row = element("div", { class: "paper source" }, element("b", {}, path), element("button", { type: "button", click: drop, ...label }, "×"), told);
    this.found.append(row);
    try {
      const [{ found, wrong }] = (await ask("/api/runs/look", { sources: [path] })).sources;
      told.textContent = [found, wrong].filter(Boolean).join("\n");
      row.classList.toggle("wrong", !found);
      if (!found) return;
      this.sources.push(path);
      this.go.disabled = false;
    } catch (error) {
      row.remove();
      trouble(error);
    }
  }

  async #begin() {
    const body = { name: this.name.value, sources: this.sources, minutes: this.minutes.valueAsNumber };
    try {
      await ask("/api/runs", body);
      location.hash = address("train", body.name);
    } catch (error) {
      trouble(error);
    }
  }
}

function fresh(shelf) {
  const names = new Set(shelf.models.map(({ name }) => name));
  for (let n = 1; ; n++) {
    const name = n === 1 ? "mine" : `mine-${n}`;
    if (!names.has(`models/${name}`)) return name;
  }
}

// ---------------------------------------------------------------- One that goes on, or has ended

class Watched {
  constructor(main, shelf, name) {
    this.name = name;
    this.metrics = [];
    this.curve = new Curve(t("train.curve"));
    this.state = element("p", { id: "state", role: "status" });
    this.bar = element("progress", { id: "progress", max: "1", value: "0", "aria-label": t("train.progress") });
    const button = (id, click) => element("button", { id, click, hidden: "" }, t(`train.${id}`));
    this.stop = button("stop", () => this.#ask("stop", {}));
    this.resume = button("resume", () => this.#ask("resume", {}));
    this.longer = button("longer", () => this.#ask("resume", { minutes: this.minutes.valueAsNumber || 5 }));
    this.minutes = element("input", { type: "number", id: "more", min: "0.1", step: "any", value: "5", hidden: "", "aria-label": t("train.minutes") });
    this.use = element("a", { id: "use", hidden: "" }, t("train.use"));
    this.notes = element("ul", { class: "quiet notes" });
    this.samples = element("div", { class: "samples" });
    main.append(
      element("h1", {}, t("train.of", { name })),
      this.state,
      this.bar,
      element("div", { class: "row tools" }, this.stop, this.resume, this.minutes, this.longer, this.use),
      this.curve.element,
      element("p", { class: "quiet" }, t("train.curve.note")),
      element("h2", {}, t("train.samples")),
      this.samples,
      element("h2", {}, t("train.notes")),
      this.notes,
    );
    this.#look();
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    this.curve.close();
  }

  async #ask(what, body) {
    try {
      await ask(`/api/runs/${encodeURIComponent(this.name)}/${what}`, body);
      clearTimeout(this.timer);
      await this.#look();
    } catch (error) {
      trouble(error);
    }
  }

  async #look() {
    try {
      const run = await ask(`/api/runs/${encodeURIComponent(this.name)}?begin=${this.metrics.length}`);
      if (this.closed) return;
      if (run.count < this.metrics.length) this.metrics = [];
      this.metrics.push(...run.metrics);
      this.#show(run);
      if (run.state === "running" && !this.closed) this.timer = setTimeout(() => this.#look(), EVERY);
    } catch (error) {
      trouble(error);
    }
  }

  #show({ state, progress, notes, samples, error }) {
    const last = this.metrics.findLast(({ done }) => done !== undefined);
    this.state.textContent = [t(`train.${state}`), error || progress].filter(Boolean).join(" · ");
    this.state.classList.toggle("warn", state === "failed");
    this.bar.value = state === "finished" ? 1 : last?.done ?? 0;
    this.stop.hidden = state !== "running";
    this.resume.hidden = state !== "stopped";
    this.longer.hidden = this.minutes.hidden = state !== "finished";
    this.use.hidden = !last;
    this.use.href = address("home");
    const minutes = (seconds) => seconds / 60;
    const of = (name) => this.metrics.filter((one) => one[name] !== undefined).map((one) => [minutes(one.seconds), one[name]]);
    this.curve.show(
      [
        { colour: "quiet", points: of("train") },
        { colour: "accent", dots: true, points: of("valid") },
      ],
      "min",
    );
    this.notes.replaceChildren(...notes.map((one) => element("li", {}, one)));
    const known = this.samples.children.length;
    if (samples.length !== known || samples.at(-1)?.text !== this.latest) {
      this.latest = samples.at(-1)?.text;
      this.samples.replaceChildren(
        ...samples.toReversed().map(({ update, valid, text }) =>
          element("article", { class: "paper" }, element("h3", { class: "quiet" }, t("train.sample", { update, valid })), element("p", {}, text)),
        ),
      );
    }
  }
}
