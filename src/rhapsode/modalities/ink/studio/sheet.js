// The sheet on which a drawing comes as the pen draws it: again, slower, to any moment; and what the network sees then.

import { element } from "../../../export/page/dom.js";
import * as store from "../../../studio/store.js";
import { t } from "../../../studio/texts.js";
import { filmOf, still } from "../web/player.js";
import { Attention, stepsOf } from "./attention.js";

const SPEEDS = [0.25, 1, 3, 10];
const LARGER = 1.7; // than the drawing's mm, where there is room
const USUAL = 4; // mm, the x-height where none was asked for

export class Sheet {
  // start: what to do while there is no drawing.
  constructor(start) {
    const kept = store.settings("ink.sheet");
    this.start = element("p", { class: "quiet start" }, start);
    this.paper = element("div", { class: "ink paper", role: "img", "aria-label": t("ink.sheet") });
    const speeds = SPEEDS.map((one) => element("option", { value: String(one) }, t(`ink.speed.${one}`)));
    this.speed = element("select", { id: "speed", change: () => this.#changed() }, ...speeds);
    this.speed.value = String(kept.speed ?? 1);
    this.watched = element("input", { type: "checkbox", id: "live", change: () => this.#watch() });
    this.watched.checked = kept.live ?? true;
    this.looked = element("input", { type: "checkbox", id: "attend", change: () => this.#changed() });
    this.looked.checked = kept.attend ?? false;
    this.button = element("button", { id: "play", click: () => this.#press() }, t("ink.play"));
    const range = { type: "range", id: "moment", min: "0", max: "1", step: "any", value: "1", "aria-label": t("ink.moment") };
    this.moment = element("input", { ...range, input: () => this.#seek() });
    this.back = element("button", { id: "back", "aria-label": t("ink.page.back"), click: () => this.turn(-1) }, "‹");
    this.on = element("button", { id: "on", "aria-label": t("ink.page.on"), click: () => this.turn(1) }, "›");
    this.count = element("span", { class: "quiet", role: "status" });
    this.pages = element("div", { class: "row pages", hidden: "" }, this.back, this.count, this.on);
    this.attention = new Attention((line, step) => this.#find(line, step));
    this.look = element("label", {}, this.looked, " ", t("ink.attend"));
    this.controls = element(
      "div",
      { class: "row player", hidden: "" },
      this.button,
      this.moment,
      element("label", {}, t("ink.speed"), " ", this.speed),
      element("label", {}, this.watched, " ", t("ink.live")),
      this.look,
    );
    this.told = element("p", { class: "quiet sofar" });
    this.element = element("div", {}, this.paper, this.told, this.pages, this.controls, this.attention.element);
    this.film = null;
  }

  close() {
    this.film?.pause();
    this.attention.close();
  }

  clear() {
    this.film?.pause();
    this.film = null;
    this.paper.replaceChildren(this.start);
    this.paper.setAttribute("aria-label", t("ink.sheet"));
    this.paper.classList.remove("paged");
    this.told.textContent = "";
    this.controls.hidden = this.pages.hidden = this.attention.element.hidden = true;
  }

  // svgs: its pages, as texts; sample: its numbers, if it has any. live: whether it may come as it is drawn.
  show(svgs, sample, label, xHeight, live) {
    Object.assign(this, { svgs, sample, xHeight: xHeight || USUAL, label });
    this.turn(0, 0);
    if (live && this.watched.checked && !still()) this.#play();
  }

  // What is drawn so far, in the place of the drawing before; told: in words.
  preview(picture, told) {
    if (picture.parentNode !== this.paper) {
      this.clear();
      this.paper.replaceChildren(picture);
    }
    this.told.textContent = told;
  }

  // What is to be known of the drawing.
  note(notes) {
    this.told.replaceChildren(...notes.map((one) => element("span", {}, one)));
  }

  // To another page.
  turn(by, page = this.page + by) {
    this.page = page;
    this.film?.pause();
    this.film = null;
    const svg = document.adoptNode(new DOMParser().parseFromString(this.svgs[page], "image/svg+xml").documentElement);
    svg.setAttribute("aria-hidden", "true");
    svg.removeAttribute("role");
    svg.style.width = `${LARGER * svg.viewBox.baseVal.width}mm`;
    this.paper.replaceChildren(svg);
    const many = this.svgs.length > 1;
    const values = { page: page + 1, pages: this.svgs.length };
    this.paper.setAttribute("aria-label", many ? `${this.label}, ${t("ink.page.of", values)}` : this.label);
    this.pages.hidden = !many;
    this.paper.classList.toggle("paged", !this.sample);
    this.count.textContent = t("ink.page.of", values);
    const focused = [this.back, this.on].find((one) => one === document.activeElement);
    this.back.disabled = page === 0;
    this.on.disabled = page === this.svgs.length - 1;
    if (focused?.disabled) (focused === this.on ? this.back : this.on).focus();
    this.controls.hidden = false;
    this.film = filmOf(svg, this.xHeight, (at, playing) => this.#told(at, playing));
    this.#moments();
    this.#told(this.film.at, false);
  }

  #changed() {
    store.keepSettings("ink.sheet", { speed: Number(this.speed.value), live: this.watched.checked, attend: this.looked.checked });
    if (this.film?.playing) this.#play();
    this.#moments();
    if (this.film) this.#told(this.film.at, this.film.playing);
  }

  // Who does not want to watch the pen sees the whole drawing at once.
  #watch() {
    if (this.film?.playing && !this.watched.checked) {
      this.film.pause();
      this.film.seek(this.film.length);
    }
    this.#changed();
  }

  #press() {
    if (this.film.playing) this.film.pause();
    else this.#play();
  }

  #play() {
    this.film.play(Number(this.speed.value));
  }

  #seek() {
    const at = Number(this.moment.value);
    this.film.pause();
    this.film.seek(at * this.film.length);
  }

  // When each point is drawn, and what is seen then: [seconds, line, step], in the order of the film.
  #moments() {
    const rows = this.sample?.attention;
    this.look.hidden = !rows;
    this.moments = [];
    const shown = Boolean(rows) && this.looked.checked && this.sample.strokes.length === this.film.strokes.length;
    this.attention.element.hidden = !shown;
    if (!shown) return;
    const at = stepsOf(this.sample);
    this.sample.strokes.forEach((stroke, n) => {
      const [begins, takes] = this.film.strokes[n];
      const far = [0];
      stroke.slice(1).forEach(([x, y], k) => far.push(far[k] + Math.hypot(x - stroke[k][0], y - stroke[k][1])));
      stroke.forEach((_, k) => this.moments.push([begins + (takes * far[k]) / (far.at(-1) || 1), ...at(n, k)]));
    });
    if (this.attended !== this.sample) this.attention.show(this.sample.lines, rows);
    this.attended = this.sample;
  }

  #find(line, step) {
    const found = this.moments.find(([, one, other]) => one === line && other === step);
    if (!found) return;
    this.film.pause();
    this.film.seek(found[0]);
  }

  #told(at, playing) {
    if (!this.film) return; // it is being made
    const name = t(playing ? "ink.pause" : "ink.play");
    if (this.button.textContent !== name) this.button.textContent = name;
    this.moment.value = String(this.film.length ? at / this.film.length : 1);
    this.moment.setAttribute("aria-valuetext", t("ink.seconds", { at: at.toFixed(1), all: this.film.length.toFixed(1) }));
    if (!this.moments?.length) return;
    let [low, high] = [0, this.moments.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.moments[middle][0] <= at) low = middle + 1;
      else high = middle;
    }
    const [, line, step] = this.moments[Math.max(0, low - 1)];
    this.attention.mark(line, at > 0 ? step : -1);
  }
}
