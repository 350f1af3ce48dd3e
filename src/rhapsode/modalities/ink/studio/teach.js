// The page on which a person writes lines by hand: which one is asked for, what is saved, and what it comes to.

import { element } from "../../../export/page/dom.js";
import { ask } from "../../../studio/api.js";
import * as store from "../../../studio/store.js";
import { trouble } from "../../../studio/studio.js";
import { t } from "../../../studio/texts.js";
import { Lesson } from "./lesson.js";
import { Pad, drawingOf, strokesOf } from "./pad.js";
import { Saver } from "./saver.js";
import { thumbnail } from "./thumbnail.js";

export const styles = ["modalities/ink/studio/pad.css", "modalities/ink/studio/teach.css"];

const PATH = "/api/hand";
const savers = new Map(); // of each file: it goes on when the page is left

export function open(main, { about }) {
  return new Page(main, about.name);
}

class Page {
  // A line: text; strokes, its draft; drawing, what was last given to be saved; changed, whether the draft is another.
  constructor(main, model) {
    this.query = `?model=${encodeURIComponent(model)}`;
    this.lines = [];
    this.at = 0;
    this.canvas = element("canvas", { id: "pad", class: "pad", role: "img", "aria-label": t("teach.pad", { count: 0 }) });
    this.pad = new Pad(this.canvas, (written) => this.#changed(written));
    this.shown = this.#build();
    this.heard = (event) => this.#key(event);
    addEventListener("keydown", this.heard);
    this.closed = false;
    this.#start(main).catch(trouble);
  }

  close() {
    removeEventListener("keydown", this.heard);
    this.closed = true;
    this.pad.close();
    this.lesson?.close();
    if (this.saver) this.saver.told = () => {};
  }

  // All that is on the page.
  #build() {
    const press = (id, act, keys, more = {}) =>
      element(
        "button",
        {
          id,
          "aria-keyshortcuts": keys,
          click: (event) => {
            act();
            if (event.detail) document.activeElement?.blur(); // pressed with a pointer: Enter is for saving again
          },
          ...more,
        },
        t(`teach.${id}`),
      );
    const parts = {
      count: element("p", { id: "count", class: "quiet" }),
      progress: element("progress", { id: "written", max: "1", value: "0", "aria-label": t("teach.progress") }),
      text: element("p", { id: "text", "aria-live": "polite" }, "…"),
      undo: press("undo", () => this.pad.undo(), "Control+Z"),
      clear: press("clear", () => this.pad.clear(), "Delete"),
      skip: press("skip", () => this.#skip(), "S"),
      save: press("save", () => this.#save(), "Enter", { class: "main" }),
      told: element("p", { id: "told", role: "status" }),
      done: element("section", { id: "done", class: "paper", "aria-labelledby": "next" }),
      rare: element("p", { id: "rare", class: "quiet" }),
      coverage: element("ul", { id: "coverage" }),
      none: element("p", { id: "none", class: "quiet" }, t("teach.none")),
      list: element("ul", { id: "lines" }),
      file: element("code", { id: "file" }),
    };
    Object.assign(this, parts);
    const heading = (id, name) => element("h2", { id }, t(`teach.${name}`));
    const keys = ["Enter", "Ctrl Z", "Del", "S", "← →"].map((key, n) =>
      element("span", {}, element("kbd", {}, key), ` ${t(`teach.keys.${n + 1}`)}`),
    );
    return [
      element("div", { class: "row head" }, element("h2", { id: "ask" }, t("teach.ask")), this.count, this.progress),
      element(
        "section",
        { "aria-labelledby": "ask" },
        this.text,
        this.pad.element,
        element("div", { id: "tools" }, this.undo, this.clear, this.skip, this.save),
        this.told,
        element("p", { class: "keys quiet" }, ...keys),
        element("p", { class: "quiet" }, t("teach.consent")),
      ),
      this.done,
      element("section", { "aria-labelledby": "covered" }, heading("covered", "covered"), this.rare, this.coverage),
      element("section", { "aria-labelledby": "lines-head" }, heading("lines-head", "lines"), this.none, this.list),
      element("p", { class: "quiet" }, t("teach.file"), " ", this.file),
    ];
  }

  async #start(main) {
    this.about = await ask(PATH + this.query);
    if (this.closed) return;
    const drafts = store.settings(this.#kept);
    this.lines = this.about.lines.map(({ text, drawing }) => {
      const draft = drafts[text];
      const strokes = draft ?? drawing ? strokesOf(draft ?? drawing) : [];
      return { text, strokes, drawing: drawing && strokesOf(drawing).length ? drawing : null, changed: Boolean(draft) };
    });
    if (!savers.has(this.about.file)) savers.set(this.about.file, new Saver(PATH + this.query, () => {}));
    this.saver = savers.get(this.about.file);
    this.saver.told = (text, error, seconds) => this.#saved(text, error, seconds);
    this.file.textContent = this.about.file;
    this.lesson = new Lesson(this.done, this.about, `${PATH}/lesson`, `${PATH}/specimen`, this.query, () => this.#show());
    const first = this.lines.findIndex((line) => !line.drawing);
    this.#open(first < 0 ? 0 : first);
    main.append(...this.shown); // all at once, and nothing moves
    if (first < 0) this.#say(t("teach.all"));
    else if (this.lines.some((line) => line.drawing)) this.#say(t("teach.earlier"));
  }

  get #kept() {
    return `hand.${this.about.file}`;
  }

  // Drafts, and what was not yet saved, outlive the page.
  #keep() {
    const kept = {};
    for (const { text, strokes, changed, drawing } of this.lines) {
      if (changed && strokes.length) kept[text] = drawingOf(strokes);
      else if (this.saver.waiting.has(text)) kept[text] = drawing;
    }
    store.keepSettings(this.#kept, kept);
  }

  #changed(written) {
    if (!this.lines.length) return;
    if (written) {
      this.lines[this.at].strokes = this.pad.strokes;
      this.lines[this.at].changed = true;
      this.#keep();
    }
    this.#buttons();
  }

  #saved(text, error, seconds) {
    if (error) this.#say(t("teach.unsaved", { error, seconds }), true);
    else this.#say(this.saver.waiting.size ? t("teach.saving") : t("teach.saved", { text }));
    this.#keep();
    this.#list();
  }

  #say(text, bad = false) {
    this.told.textContent = text;
    this.told.classList.toggle("warn", bad);
  }

  #open(index) {
    this.at = index;
    const line = this.lines[index];
    this.text.textContent = line.text;
    this.pad.open(line.strokes, line.text.length);
    this.#show();
  }

  #next() {
    const { lines, at } = this;
    const order = [...lines.keys()].map((i) => (at + 1 + i) % lines.length);
    const found = order.find((i) => !lines[i].drawing);
    if (found === undefined) this.#show();
    else this.#open(found);
  }

  #save() {
    const line = this.lines[this.at];
    if (!line || this.pad.pointer !== null) return;
    if (!line.strokes.length) {
      this.#say(t("teach.empty"));
      return;
    }
    if (line.changed) {
      line.drawing = drawingOf(line.strokes);
      line.changed = false;
      this.#say(t("teach.saving"));
      this.saver.put(line.text, line.drawing);
      this.#keep();
    }
    this.#next();
  }

  #skip() {
    this.#next();
    this.#say(this.lines[this.at].drawing ? "" : t("teach.skipped"));
  }

  #buttons() {
    const { pad, lines } = this;
    const line = lines[this.at];
    this.undo.disabled = !pad.strokes.length && !pad.cleared.length;
    this.clear.disabled = !pad.strokes.length;
    this.skip.disabled = !lines.some((each, i) => i !== this.at && !each.drawing);
    this.save.disabled = !line?.strokes.length;
    this.save.textContent = t(!line || line.changed || !line.drawing ? "teach.save" : "teach.next");
    this.canvas.setAttribute("aria-label", t("teach.pad", { count: line?.strokes.length ?? 0 }));
  }

  #show() {
    const written = this.lines.filter((line) => line.drawing).length;
    this.count.textContent = t("teach.count", { written, all: this.lines.length });
    this.progress.max = this.lines.length;
    this.progress.value = written;
    const all = written === this.lines.length;
    this.done.classList.toggle("ready", all || this.lesson.possible(this.lines));
    this.lesson.after.textContent = `${t(all ? "teach.after.all" : "teach.after.some")} ${t("teach.after")}`;
    this.#coverage();
    this.#list();
    this.#buttons();
  }

  #coverage() {
    const counts = new Map(this.about.alphabet.map((char) => [char, 0]));
    for (const line of this.lines) {
      for (const char of line.drawing ? line.text : "") {
        if (counts.has(char)) counts.set(char, counts.get(char) + 1);
      }
    }
    const cells = [...counts].map(([char, n]) => {
      const level = n >= this.about.enough ? "enough" : n ? "some" : "none";
      const wanted = this.lines[this.at].text.includes(char) ? " wanted" : "";
      const label = t("teach.times", { char, n });
      return element("li", { class: level + wanted, "aria-label": label }, element("b", {}, char), element("span", {}, String(n)));
    });
    this.coverage.replaceChildren(...cells);
    const rare = [...counts.values()].filter((n) => n < this.about.enough).length;
    const values = { rare, all: counts.size, enough: this.about.enough };
    this.rare.textContent = t(rare ? "teach.rare" : "teach.covered.all", values);
  }

  #list() {
    this.lesson.show(this.lines, this.saver.waiting.size > 0);
    const focused = document.activeElement?.dataset?.line;
    const items = [...this.lines.entries()].flatMap(([i, line]) => (line.drawing ? [element("li", {}, this.#line(i, line))] : []));
    this.list.replaceChildren(...items);
    this.none.hidden = items.length > 0;
    if (focused) this.list.querySelector(`[data-line="${focused}"]`)?.focus();
  }

  #line(index, { text, drawing }) {
    const unsaved = this.saver.waiting.has(text);
    const label = element("span", unsaved ? { class: "warn" } : {}, unsaved ? t("teach.notyet", { text }) : text);
    const again = () => {
      this.#open(index);
      this.#say(t("teach.reopened"));
      scrollTo({ top: 0 });
    };
    const look = { "data-line": String(index), title: t("teach.rewrite"), click: again };
    if (index === this.at) look["aria-current"] = "true";
    return element("button", look, thumbnail(drawing.strokes), label);
  }

  #key(event) {
    const here = document.activeElement;
    if (here?.closest("input, textarea, select, summary, a")) return;
    const control = event.ctrlKey || event.metaKey;
    const act = {
      Enter: () => this.#save(),
      Delete: () => this.pad.clear(),
      Backspace: () => this.pad.clear(),
      s: () => this.skip.disabled || this.#skip(),
      ArrowLeft: () => this.pad.turn(-0.5),
      ArrowRight: () => this.pad.turn(0.5),
    }[event.key];
    const own = here?.closest("button"); // Enter presses the button that has the focus
    if (control && event.key === "z") this.pad.undo();
    else if (act && !control && !event.altKey && !(own && event.key === "Enter") && !event.repeat) act();
    else return;
    event.preventDefault();
  }
}
