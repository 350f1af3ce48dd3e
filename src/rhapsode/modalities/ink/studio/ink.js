// The page on which a model writes by hand, or draws.

import { element } from "../../../export/page/dom.js";
import { ask, events } from "../../../studio/api.js";
import { Drawn, Go, Saves, Seed, atControlEnter, desk, download, named } from "../../../studio/parts.js";
import { say, trouble } from "../../../studio/studio.js";
import { t } from "../../../studio/texts.js";
import { Work, lastOf } from "../../../studio/work.js";
import { Beginning } from "./beginning.js";
import { htmlPage } from "./document.js";
import { Example, X } from "./example.js";
import { ending, measured, thinned } from "./measure.js";
import { MACHINES, More, asked as ofFile } from "./more.js";
import { Preview } from "./preview.js";
import { Sheet } from "./sheet.js";

export const styles = ["modalities/ink/studio/pad.css", "modalities/ink/studio/ink.css"];

const PATH = "/api/write";
const FILES = ["svg", "png", "gcode", "hpgl", "html"];
const TYPES = { svg: "image/svg+xml", png: "image/png", gcode: "text/plain", hpgl: "text/plain", html: "text/html" };
const LONGEST = 2000;
const ENDINGS = 4;
const TRIES = 8; // of the server, where no other number was asked for
const SLOW = 400; // ms until what is drawn so far is shown
const SEEN = 2000; // ms of that, after which the pen need not be watched again
const HIGH = 300; // units of the sheet that a drawing is high, about

export function open(main, { about, rest, served }) {
  return new Page(main, about, served, rest[0]);
}

const bytes = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
const decoded = (text) => new TextDecoder().decode(bytes(text));
// The files of one kind of a sample: of each of its pages.
const filesOf = ({ pages, files }, name) => (pages ?? [files]).map((one) => one[name]);

class Page {
  // about: the model; served: what the server tells of it. id: of a work.
  constructor(main, about, served, id) {
    Object.assign(this, { about, id, closed: false, texts: Boolean(served.texts), xHeight: served.x_height });
    this.#parts();
    const labelled = (name, ...parts) => element("label", { class: "wide" }, t(`ink.${name}`), " ", ...parts);
    const settings = element(
      "section",
      { class: "settings" },
      labelled("bias", this.bias, this.degrees),
      element("p", { class: "quiet" }, t("ink.bias.note")),
      this.seed.element,
      this.example.element,
      this.more.element,
    );
    const tools = element("div", { class: "row tools" }, this.go.button);
    const works = [this.saves.element, this.work.element];
    const words = this.texts ? [this.text] : [];
    main.append(
      desk([...words, tools, this.sheet.element, this.beginning.element, this.drawn.element, ...works], [settings]),
    );
    this.unheard = atControlEnter(document, () => this.go.press());
    this.restore(null);
    this.work.open();
  }

  #parts() {
    const changed = () => this.work.changed();
    const words = { id: "text", rows: "3", maxlength: String(LONGEST), "aria-label": t("ink.text"), placeholder: t("ink.empty") };
    this.text = element("textarea", { ...words, input: changed });
    const heard = () => {
      this.#told();
      changed();
    };
    this.bias = element("input", { type: "range", id: "bias", min: "0", max: "3", step: "0.05", input: heard });
    this.degrees = element("output", { for: "bias" });
    this.seed = new Seed();
    this.more = new More(this.texts, changed);
    this.example = new Example(this.about, this.texts, changed);
    this.beginning = new Beginning(this.texts, {
      soon: () => this.#soon(),
      take: (n) => this.#take(n),
      keep: (count) => this.#begun(count),
      changed,
    });
    this.go = new Go(this.texts ? "ink" : "ink.drawing", (signal) => this.#draw(signal), () => {});
    this.go.button.title = t("ink.go.title");
    this.sheet = new Sheet(t(this.texts ? "ink.start" : "ink.drawing.start"));
    this.drawn = new Drawn(t("ink.drawn"), (one) => this.#show(one), ({ url }) => URL.revokeObjectURL(url));
    this.saves = new Saves(FILES, (name) => this.#save(name));
    this.work = new Work(this.about, "ink", this.id, this);
    this.offered = null; // the endings that can be taken: { asked, samples }
    this.redrawing = null;
    this.pending = []; // of a work that was opened: what is not drawn again yet
  }

  close() {
    this.closed = true;
    this.redrawing?.abort();
    this.unheard();
    this.go.stop();
    this.work.close();
    this.beginning.close();
    this.example.close();
    this.sheet.close();
    this.drawn.close();
  }

  #told() {
    this.degrees.textContent = Number(this.bias.value).toFixed(2);
  }

  // ---------------------------------------------------------------- The work

  get title() {
    return this.texts ? this.text.value.trim().split("\n")[0].slice(0, 60) : t("ink.drawing");
  }

  contents() {
    const drawn = this.drawn.every.map(({ one: { asked, row } }) => ({ asked, row }));
    return {
      text: this.text.value,
      settings: { bias: Number(this.bias.value), more: this.more.set },
      seed: this.seed.value,
      example: this.example.contents(),
      beginning: this.beginning.contents(),
      drawn: [...drawn, ...this.pending],
      here: this.wanted ?? this.drawn.every.findIndex(({ one }) => one === this.drawn.here),
    };
  }

  restore(contents) {
    this.redrawing?.abort();
    [this.pending, this.wanted] = [[], undefined];
    this.go.stop();
    const settled = contents ?? { settings: lastOf("ink", this.about.name)?.settings };
    const { text = t("ink.hello"), settings = {}, example, beginning, drawn = [], here = -1, seed } = settled;
    if (!Array.isArray(drawn) || typeof text !== "string") throw new Error(t("ink.damaged"));
    this.text.value = text;
    this.bias.value = String(settings.bias ?? 0.7);
    this.more.restore(settings.more);
    if (seed !== undefined) this.seed.value = seed;
    this.example.restore(example);
    this.beginning.restore(beginning);
    this.offered = null;
    this.drawn.clear();
    this.sheet.clear();
    this.saves.enable(false);
    this.#told();
    if (drawn.length) this.#redraw(drawn, here).catch(trouble);
  }

  // What was drawn, once more: the same requests give the same.
  async #redraw(drawn, here) {
    const { signal } = (this.redrawing = new AbortController());
    this.pending = [...drawn];
    this.wanted = here;
    let shown = null;
    try {
      for (const [n, { asked, row }] of drawn.entries()) {
        const samples = await this.#ask(asked, signal).catch((error) => {
          if (signal.aborted || error.status !== 400) throw error; // what was not drawn stays in the work
          return []; // the model is another one: what it cannot draw is left out
        });
        if (signal.aborted) return;
        this.pending.shift();
        this.#add(asked, samples, row, false);
        if (n === here) shown = this.drawn.here;
      }
      if (shown && this.drawn.here !== shown) this.drawn.choose(shown);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      if (!signal.aborted) this.wanted = undefined;
    }
  }

  // ---------------------------------------------------------------- What is asked

  // The model's own measures: from a drawing of it.
  async #measures(signal) {
    if (!this.measures) {
      const known = this.texts ? "abcdefghijklmnopqrstuvwxyz" : "";
      const words = this.texts ? { text: known.slice(0, 8), unknown: "nearest", tries: 1 } : { n: 3 };
      const { samples } = await ask(PATH, { model: this.about.name, seed: 1, bias: 1, ...words }, signal);
      const { step, size } = measured(samples);
      this.measures = { step, scale: this.xHeight ? this.xHeight / X : size / HIGH };
    }
    return this.measures;
  }

  // Strokes of the sheet as the model has them.
  #own(strokes, { step, scale }, thin) {
    const scaled = strokes.map((stroke) => stroke.map(([x, y]) => [x * scale, y * scale]));
    return thin ? scaled : scaled.map((stroke) => thinned(stroke, step));
  }

  // What is asked: the same draws the same again.
  async #asked(signal) {
    this.example.check();
    this.more.check();
    const [example, begun] = [this.example.value, this.beginning.value];
    const measures = example || begun ? await this.#measures(signal) : null;
    const asked = { ...this.more.set, bias: Number(this.bias.value), seed: this.seed.next() };
    if (this.texts) asked.text = this.text.value;
    if (example && !begun) asked.style = { ...example, strokes: this.#own(example.strokes, measures), thin: true };
    if (begun) {
      asked.begin = { strokes: this.#own(begun.strokes, measures, begun.thin), open: begun.open, thin: true };
      asked.n = ENDINGS;
      for (const name of ["page", "tries"]) delete asked[name];
    }
    return asked;
  }

  // The samples of a request, with the picture of each.
  async #ask(asked, signal, name = "svg", more = {}, heard = null) {
    const { begin, ...set } = asked;
    const body = { model: this.about.name, ...ofFile(set, name), ...(begin && { begin }), files: [name], ...more };
    let answer = heard ? null : await ask(PATH, body, signal);
    if (heard) {
      for await (const event of events(PATH, { ...body, stream: true }, signal)) {
        if (event.samples) answer = event;
        else heard(event);
      }
    }
    this.notes = answer.notes ?? [];
    return answer.samples;
  }

  // ---------------------------------------------------------------- Drawing

  async #draw(signal) {
    const asked = await this.#asked(signal);
    const begun = performance.now();
    const preview = this.xHeight && !asked.begin ? new Preview(this.xHeight, asked.tries ?? TRIES) : null;
    const all = [...(asked.text ?? "")].length;
    const heard = (event) => {
      preview.add(event);
      if (performance.now() - begun < SLOW) return;
      this.sheet.preview(preview.element, t("ink.sofar", { count: Math.min(all, preview.count), all }));
    };
    const samples = await this.#ask(asked, signal, "svg", {}, preview && heard).catch((error) => {
      if (preview?.element.parentNode && !this.closed) this.#back();
      throw error;
    });
    const seen = preview?.element.parentNode && performance.now() - begun > SEEN;
    if (asked.begin) this.#offer(asked, samples);
    else {
      this.#add(asked, samples, 0, !seen);
      say(t("ink.written", { text: asked.text ?? t("ink.drawing") }));
    }
    this.work.changed();
  }

  // To what was shown before, if there was anything.
  #back() {
    if (this.drawn.here) this.#show(this.drawn.here);
    else this.sheet.clear();
  }

  // Endings, soon after a stroke: those that are being drawn are of another beginning.
  #soon() {
    this.go.stop();
    this.go.run((signal) => this.#draw(signal));
  }

  #offer(asked, samples) {
    this.offered = { asked, samples };
    const { scale } = this.measures;
    const [first] = this.beginning.pad.strokes;
    if (!first) return;
    const [x, y] = first.points[0];
    const endings = samples.map((sample) => {
      const [a, b] = sample.strokes[0][0];
      return ending(sample).map((run) => run.map((point) => [(point[0] - a) / scale + x, (point[1] - b) / scale + y]));
    });
    this.beginning.offer(endings);
    say(t("ink.offered", { count: samples.length }));
  }

  #take(row) {
    const { asked, samples } = this.offered;
    this.#add(asked, samples, row, true);
    say(t("ink.taken", { number: row + 1 }));
    this.work.changed();
  }

  // The first strokes of what is shown, in units of the sheet: to go on from.
  #begun(count) {
    const sample = this.drawn.here?.sample;
    if (!sample?.strokes) {
      trouble(new Error(t("ink.begin.nothing")));
      return null;
    }
    const strokes = sample.strokes.slice(0, count);
    const scale = this.xHeight ? this.xHeight / X : measured([sample]).size / HIGH;
    const [[left], high] = [strokes[0][0], this.texts ? 0 : -HIGH / 2];
    const low = this.texts ? Math.max(...strokes.flat().map(([, y]) => y)) : strokes[0][0][1];
    return strokes.map((stroke) => stroke.map(([x, y]) => [(x - left) / scale + X / 2, (y - low) / scale + high * 0.3]));
  }

  #add(asked, samples, row, live) {
    const sample = samples[row];
    if (!sample) return;
    const svgs = filesOf(sample, "svg").map(decoded);
    const url = URL.createObjectURL(new Blob([svgs[0]], { type: TYPES.svg }));
    const values = { text: asked.text ?? t("ink.drawing"), bias: asked.bias.toFixed(2), seed: asked.seed };
    const one = { asked, row, sample, svgs, url, label: t("ink.again", values), live, notes: this.notes };
    this.drawn.add(one, url, one.label);
    one.live = false;
  }

  #show(one) {
    const { svgs, sample, asked, live, notes } = one;
    this.sheet.show(svgs, sample.strokes ? sample : null, asked.text || t("ink.drawing"), asked.x_height, live);
    this.sheet.note(notes);
    this.seed.value = asked.seed;
    this.saves.enable(true);
    if (!this.pending.length && this.wanted === undefined) this.work.changed(); // to look at a work is no change
  }

  async #save(format) {
    try {
      const { asked, row } = this.drawn.here;
      const [kind, more] = format === "html" ? ["svg", { animated: true }] : [format, {}];
      // As it is shown; for which machine, and how fine, is as it is set now.
      const now = Object.entries(this.more.set).filter(([name]) => MACHINES.includes(name));
      const kept = Object.entries(asked).filter(([name]) => !MACHINES.includes(name));
      const samples = await this.#ask(Object.fromEntries([...kept, ...now]), undefined, kind, more);
      const made = filesOf(samples[row], kind).map(bytes);
      const name = named(asked.text ?? "", "drawing");
      if (format === "html") {
        const text = htmlPage(asked.text ?? t("ink.drawing"), made.map((one) => new TextDecoder().decode(one)));
        download(new Blob([text], { type: TYPES.html }), `${name}.html`);
        return;
      }
      made.forEach((one, n) => {
        const number = made.length > 1 ? `-${n + 1}` : "";
        download(new Blob([one], { type: TYPES[format] }), `${name}${number}.${format}`);
      });
    } catch (error) {
      trouble(error);
    }
  }
}
