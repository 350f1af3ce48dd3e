// A training that goes on, or has ended: its loss, what the model makes, the plan.

import { element } from "../export/page/dom.js";
import { bytes, drawn, duration, loss, lossCurves, lossOf, losses, unitOf } from "./amounts.js";
import { ask } from "./api.js";
import { Curve } from "./curve.js";
import { attend } from "./running.js";
import { keepSettings, settings } from "./store.js";
import { address, trouble } from "./studio.js";
import { t } from "./texts.js";

const EVERY = 1500; // ms between two looks at a training
const COLUMNS = 3; // samples side by side: the first, the middle, the latest

export class Watched {
  constructor(main, shelf, name) {
    Object.assign(this, { main, shelf, name, metrics: [], facts: {}, shown: "" });
    this.curve = new Curve(t("train.curve"));
    this.state = element("p", { id: "state", role: "status" });
    this.bar = element("progress", { id: "progress", max: "1", value: "0", "aria-label": t("train.progress") });
    this.left = element("p", { id: "left", class: "quiet" });
    const button = (id, click) => element("button", { id, click, hidden: "" }, t(`train.${id}`));
    this.stop = button("stop", () => this.#ask("stop", {}));
    this.resume = button("resume", () => this.#ask("resume", {}));
    this.longer = element("button", { id: "longer", click: () => this.#ask("resume", { minutes: this.minutes.valueAsNumber || 5 }) }, t("train.longer"));
    this.minutes = element("input", { type: "number", id: "more", min: "0.1", step: "any", value: "5" });
    this.further = element("div", { class: "row", hidden: "" }, element("label", {}, t("train.minutes"), " ", this.minutes), this.longer);
    this.use = element("a", { id: "use", class: "button", hidden: "" }, t("train.use"));
    this.anew = button("anew", () => this.#anew());
    this.about = element("dl", { class: "known" });
    this.notes = element("ul", { class: "quiet notes" });
    const section = (name, part) => element("section", { hidden: "" }, element("h2", {}, t(`train.${name}`)), part);
    this.told = [section("about", this.about), section("notes", this.notes)];
    this.samples = element("div", { class: "columns" });
    this.every = element("div", { class: "samples" });
    this.others = element("details", { hidden: "" }, element("summary", {}, t("train.samples.all")), this.every);
    this.heading = element("h2", { hidden: "" }, t("train.samples"));
    this.unit = element("p", { class: "quiet" });
    main.append(
      element("h1", {}, t("train.of", { name })),
      this.state,
      this.bar,
      this.left,
      element("div", { class: "row tools" }, this.use, this.stop, this.resume, this.anew, this.further),
      this.curve.element,
      this.unit,
      this.heading,
      this.samples,
      this.others,
      ...this.told,
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
    clearTimeout(this.timer);
    try {
      const run = await ask(`/api/runs/${encodeURIComponent(this.name)}?begin=${this.metrics.length}`);
      if (this.closed) return;
      if (run.count < this.metrics.length) {
        this.metrics = [];
        this.timer = setTimeout(() => this.#look());
        return;
      }
      this.metrics.push(...run.metrics);
      if (run.facts && Object.keys(run.facts).length) this.facts = run.facts;
      const going = run.state === "running" || run.state === "elsewhere";
      if (this.going && !going) this.#ended();
      this.going = going;
      this.#show(run);
      if (run.state === "running") attend(this.name, address);
      if (going) this.timer = setTimeout(() => this.#look(), EVERY);
    } catch (error) {
      if (this.closed) return;
      if (error.status === 400 && this.going === undefined) {
        this.#none(error);
        return;
      }
      trouble(error);
      if (this.going) this.timer = setTimeout(() => this.#look(), 4 * EVERY);
    }
  }

  // There is no such training, or not any more.
  #none(error) {
    const link = element("a", { href: address("train") }, t("train.others"));
    this.main.replaceChildren(element("h1", {}, t("train.of", { name: this.name })), element("p", { role: "alert" }, error.message), link);
  }

  // Back to the form, with what this training was to learn from if it is the last one that was begun.
  #anew() {
    const last = settings("train.last");
    if (last.name === this.name) keepSettings("train", last);
    location.hash = address("train");
  }

  // What is only known at the end: the model, and how good it is.
  async #ended() {
    const [{ facts }, shelf] = await Promise.all([ask(`/api/runs/${encodeURIComponent(this.name)}?begin=0`), ask("/api/shelf")]);
    Object.assign(this, { facts, shelf });
    if (this.closed) return;
    this.#tell();
    this.#useful(true);
  }

  // The way to the model. done: whether it is finished.
  #useful(done) {
    const model = this.shelf.models.find(({ name }) => name === this.name || name === `models/${this.name}`);
    this.use.hidden = !model && !this.metrics.length;
    const there = done && model;
    this.use.href = there ? address(model.views[0], model.name) : address("home");
    this.use.textContent = t(there ? "train.open" : "train.use");
    this.use.classList.toggle("main", Boolean(there));
  }

  #show({ state, progress, stage, notes, samples, error }) {
    const last = this.metrics.findLast(({ done }) => done !== undefined);
    const found = losses(this.metrics, this.facts.unit);
    const { unit, valid } = found;
    const best = valid.reduce((least, { value }) => Math.min(least, value), Infinity);
    const told = [t(`train.${state}`), error || (!this.metrics.length && stage)];
    if (Number.isFinite(best)) told.push(t("train.best", { loss: loss({ value: best, unit }) }));
    this.state.textContent = told.filter(Boolean).join(" · ");
    this.state.classList.toggle("warn", state === "failed");
    const working = state === "running" || state === "elsewhere";
    if (working && !last) this.bar.removeAttribute("value");
    else this.bar.value = state === "finished" ? 1 : last?.done ?? 0;
    this.bar.hidden = state === "failed";
    this.left.textContent = working ? remaining(last, progress) : "";
    this.stop.hidden = state !== "running";
    this.resume.hidden = state !== "stopped";
    this.anew.hidden = state !== "failed";
    this.further.hidden = state !== "finished";
    this.#useful(state === "finished");
    this.curve.show(lossCurves(found), "min");
    this.unit.textContent = this.curve.element.hidden ? "" : t("train.curve.note", { unit: unitOf(unit) });
    this.notes.replaceChildren(...notes.map((one) => element("li", { ...(one.startsWith("warning") && { class: "warn" }) }, one)));
    this.told[1].hidden = !notes.length;
    this.#compare(samples, found);
    this.#tell();
  }

  #compare(samples, found) {
    const key = `${samples.length} ${samples.at(-1)?.update} ${samples.at(-1)?.text.length}`;
    if (key === this.shown) return;
    this.shown = key;
    const card = (heading, sample) =>
      element("article", { class: "paper" }, element("h3", { class: "quiet" }, heading && element("b", {}, heading), t("train.sample", { update: sample.update, valid: lossOf(sample, found) })), element("p", drawn(sample.text), sample.text));
    const last = samples.length - 1;
    const places = [...new Set([0, Math.floor(last / 2), last])].filter((at) => samples[at]).slice(-COLUMNS);
    const names = { [last]: t("train.latest"), [Math.floor(last / 2)]: t("train.middle"), 0: t("train.first") };
    if (last === 0) names[0] = t("train.latest");
    else names[last] = t("train.latest");
    this.samples.replaceChildren(...places.map((at) => card(names[at], samples[at])));
    this.every.replaceChildren(...samples.map((one) => card("", one)));
    this.others.hidden = samples.length <= COLUMNS;
    this.heading.hidden = !samples.length;
  }

  #tell() {
    const { sources = [], codec, network = {}, bytes: size, seconds, quality = [], given = {} } = this.facts;
    const shape = network.layers && `${network.layers} × ${network.width} ${network.cell ?? ""}`;
    const rows = [
      ["sources", sources.join(", ")],
      ["codec", codec],
      ["network", shape],
      ["size", size && bytes(size)],
      ["time", seconds && duration(seconds)],
      ["base", given.base],
      ["quality", quality.join(" · ")],
    ].filter(([, value]) => value);
    this.told[0].hidden = !rows.length;
    this.about.replaceChildren(...rows.flatMap(([name, value]) => [element("dt", {}, t(`train.about.${name}`)), element("dd", {}, value)]));
  }
}

// How long it still takes, by the time that it took so far.
function remaining(last, progress) {
  if (!last?.done) return t("train.preparing");
  const said = /· ([\d:]+) left/.exec(progress);
  const seconds = said ? said[1].split(":").reduce((sum, one) => 60 * sum + Number(one), 0) : (last.seconds / last.done) * (1 - last.done);
  return t("train.left.time", { percent: Math.floor(100 * last.done), time: duration(Math.max(0, seconds)) });
}
