// The lesson: a model learns the lines, and writes before and after.

import { element } from "../../../export/page/dom.js";
import { ask } from "../../../studio/api.js";
import { address } from "../../../studio/studio.js";
import { t } from "../../../studio/texts.js";

const EVERY = 1000; // milliseconds between two looks at a lesson that goes on

export class Lesson {
  // place: a section. about: the model and its lesson, as the server tells them. path, specimens, query: where it is
  // asked. changed(): the lesson has begun or ended.
  constructor(place, about, path, specimens, query, changed) {
    Object.assign(this, { about, path, specimens, query, changed });
    this.state = about.state;
    this.known = new Set(about.known);
    this.closed = false;
    this.#build(place);
    if (this.state.taught) this.#compare();
    if (this.running) this.#follow();
  }

  close() {
    this.closed = true;
  }

  #build(place) {
    const { about } = this;
    const limits = { type: "number", id: "minutes", min: "0.01", max: "1440", step: "any", value: String(about.minutes) };
    const parts = {
      after: element("p", { id: "after" }),
      minutes: element("input", limits),
      teach: element("button", { id: "teach", class: "main", click: () => this.#begin() }),
      missing: element("p", { id: "missing", class: "quiet" }),
      unknown: element("p", { id: "unknown", class: "quiet" }),
      learnt: element("progress", { id: "learnt", max: "1", value: "0", "aria-label": t("teach.learnt") }),
      figures: element("p", { id: "figures", class: "quiet" }),
      stop: element("button", { id: "stop", click: () => this.#stop() }, t("teach.stop")),
      outcome: element("p", { id: "outcome", role: "status" }),
      use: element("a", { id: "use", hidden: "", href: "#/" }, t("teach.use")),
      shown: element("div", { id: "shown", hidden: "" }),
    };
    Object.assign(this, parts);
    this.learning = element("div", { id: "learning", hidden: "" }, this.learnt, element("div", { class: "row" }, this.figures, this.stop));
    this.places = {};
    const figures = ["before", "after", "own"].map((hand) => {
      this.places[hand] = element("div", { id: hand === "after" ? "taught" : hand, class: "specimen" });
      return element("figure", {}, element("figcaption", { class: "quiet" }, t(`teach.specimen.${hand}`)), this.places[hand]);
    });
    this.shown.append(
      element("h2", {}, t("teach.compared")),
      element("p", { class: "quiet" }, `“${about.sentence}”`),
      element("div", { id: "specimens" }, ...figures),
    );
    const commands = about.commands.map((command) => {
      const copy = async () => {
        await navigator.clipboard.writeText(command);
        this.outcome.textContent = t("teach.copied");
      };
      const button = element("button", { "aria-label": t("teach.copy.title", { command }), click: copy }, t("teach.copy"));
      // Browsers copy for pages of their own machine only, or encrypted ones.
      return element("li", {}, element("code", { tabindex: "0" }, command), ...(navigator.clipboard ? [button] : []));
    });
    place.append(
      element("h2", { id: "next" }, t("teach.enough")),
      this.after,
      element(
        "div",
        { class: "row" },
        this.teach,
        element("label", {}, t("teach.minutes"), " ", this.minutes),
        this.missing,
      ),
      this.unknown,
      this.learning,
      this.outcome,
      this.use,
      element("details", {}, element("summary", {}, t("teach.terminal")), element("ol", { id: "commands" }, ...commands)),
      this.shown,
    );
  }

  get running() {
    return this.state.phase === "running";
  }

  // The lines that the model can learn: those of its own characters.
  #usable(lines) {
    return lines.filter(({ text, drawing }) => drawing && [...text].every((char) => this.known.has(char)));
  }

  possible(lines) {
    return this.#usable(lines).length >= this.about.lesson_enough || this.state.phase !== "idle" || this.state.taught;
  }

  show(lines, saving) {
    const usable = this.#usable(lines).length;
    const written = lines.filter(({ drawing }) => drawing);
    const strange = new Set(written.flatMap(({ text }) => [...text]).filter((char) => !this.known.has(char)));
    const missing = Math.max(0, this.about.lesson_enough - usable);
    this.teach.disabled = this.running || saving || missing > 0;
    this.teach.textContent = t(this.state.taught ? "teach.again" : "teach.begin");
    this.missing.textContent = this.running
      ? t("teach.meanwhile")
      : missing
        ? t("teach.missing", { missing })
        : `${t("teach.from", { usable })}${this.state.taught ? ` ${t("teach.replaced")}` : ""}`;
    this.unknown.textContent = strange.size
      ? t("teach.strange", { characters: [...strange].join(" "), lines: written.length - usable })
      : "";
    this.#progress();
  }

  #progress() {
    const { phase, stage, done = 0, train, valid, eta, warning, error, kept, taught } = this.state;
    this.learning.hidden = !this.running;
    this.learnt.value = done;
    const figures = [`${Math.floor(100 * done)} %`];
    if (train != null) figures.push(t("teach.loss", { loss: train.toFixed(2) }));
    if (valid != null) figures.push(t("teach.valid", { loss: valid.toFixed(2) }));
    if (eta != null) figures.push(t("teach.left.time", { time: clock(eta) }));
    this.figures.textContent = train == null ? t("teach.ready", { stage: stage ?? "" }) : figures.join(" · ");
    const where = t("teach.where", { folder: this.about.folder });
    const ends = {
      idle: taught ? `${t("teach.taught")} ${where}` : "",
      running: warning ?? "",
      finished: `${t("teach.finished")} ${where}`,
      stopped: kept ? `${t("teach.stopped.kept")} ${where}` : t("teach.stopped"),
      failed: t("teach.failed", { error }),
    };
    this.outcome.textContent = ends[phase];
    this.outcome.classList.toggle("warn", phase === "failed");
    this.use.hidden = !taught;
    if (taught) this.#findModel();
  }

  // The page on which the model writes that has learnt.
  async #findModel() {
    if (this.found) return;
    this.found = true;
    const { models } = await ask("/api/shelf");
    const mine = models.find(({ path }) => path.endsWith(`${this.about.folder}/model.safetensors`));
    if (mine) this.use.href = address("ink", mine.name);
  }

  #begin() {
    return this.#ask(this.path, { minutes: Number(this.minutes.value) || this.about.minutes }, () => this.#follow());
  }

  #stop() {
    return this.#ask(`${this.path}/stop`, {}, () => (this.stop.disabled = true));
  }

  async #ask(path, body, then) {
    try {
      this.state = await ask(path + this.query, body);
    } catch (error) {
      this.outcome.textContent = error.message;
      this.outcome.classList.add("warn");
      return;
    }
    this.changed();
    then();
  }

  async #follow() {
    this.stop.disabled = false;
    while (this.running) {
      await new Promise((go) => setTimeout(go, EVERY));
      if (this.closed) return;
      try {
        this.state = await ask(this.path + this.query);
      } catch (error) {
        this.figures.textContent = error.status ? error.message : t("failed.gone");
        continue;
      }
      if (this.running) this.#progress();
    }
    this.changed();
    if (this.state.kept) this.#compare();
  }

  // The sentence in both hands, and a line by the person's own.
  async #compare() {
    this.shown.hidden = false;
    for (const place of Object.values(this.places)) place.textContent = t("teach.writing");
    for (const [hand, place] of Object.entries(this.places)) {
      if (this.closed) return;
      try {
        const { text, svg } = await ask(`${this.specimens}${this.query}&hand=${hand}`);
        if (!svg) place.textContent = "";
        // Images, and so nothing in them is run.
        else place.replaceChildren(element("img", { src: `data:image/svg+xml,${encodeURIComponent(svg)}`, alt: text }));
      } catch (error) {
        place.textContent = error.message;
      }
    }
  }
}

function clock(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
