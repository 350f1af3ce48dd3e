// The models that are there, what can be tried without data, and the last works.

import { element } from "../export/page/dom.js";
import { ago, bytes, drawn, duration, loss } from "./amounts.js";
import { ask } from "./api.js";
import { hand, takesDrops } from "./dropped.js";
import { forget, keepSettings, renamed, settings, works } from "./store.js";
import { address, again, say, trouble } from "./studio.js";
import { t } from "./texts.js";

export const styles = ["studio/home.css"];

const MANY = 30; // models: those that are not in sight are not laid out
const RECENT = 6; // works that are shown at once
const ORDERS = ["used", "trained", "name", "loss", "size"];
const SHIPPED = "demo:"; // models that come with Rhapsode

export function open(main, { shelf }) {
  return new Home(main, shelf);
}

class Home {
  constructor(main, shelf) {
    this.shelf = shelf;
    const { trains } = shelf; // false: the page of one model
    this.own = trains ? shelf.models.filter(({ name }) => !name.startsWith(SHIPPED)) : []; // that may be renamed
    const kept = settings("home");
    const order = (one) => element("option", { value: one, ...(one === (kept.order ?? "used") && { selected: "" }) }, t(`home.by.${one}`));
    this.order = element("select", { id: "order", change: () => this.#order() }, ...ORDERS.map(order));
    this.filter = element("input", { type: "text", id: "filter", placeholder: t("home.filter"), "aria-label": t("home.filter"), input: () => this.#filter() });
    this.cards = element("div", { class: shelf.models.length > MANY ? "cards many" : "cards" });
    this.count = element("p", { class: "quiet", role: "status" });
    this.shown = new Map(shelf.models.map((about) => [about.name, this.#card(about)]));
    const many = shelf.models.length > RECENT;
    const sorting = element("label", {}, t("home.by"), " ", this.order);
    this.bar = element("div", { class: "row bar" }, ...(many ? [this.filter] : []), ...(shelf.models.length > 1 ? [sorting] : []), this.count);
    this.bar.hidden = shelf.models.length < 2;
    this.recent = element("ul", { class: "works" });
    this.works = element("section", {}, element("h2", {}, t("home.recent")), this.recent);
    this.demos = element("section", { class: "demos" });
    const wrong = shelf.wrong.map((one) => element("li", {}, one));
    const empty = trains && !this.own.length;
    main.append(
      element("div", { class: "row head" }, element("h1", {}, t("home.title")), ...(trains ? [element("a", { class: "button", href: address("train") }, t("home.train"))] : [])),
      empty ? this.#welcome() : element("p", { class: "quiet" }, t("home.below", { folder: shelf.below })),
      ...(empty && shelf.models.length ? [element("h2", {}, t("home.ready"))] : []),
      this.bar,
      this.cards,
      this.works,
      this.demos,
      ...(wrong.length ? [element("details", { class: "wrong", open: "" }, element("summary", {}, t("home.wrong", { count: wrong.length })), element("ul", { class: "quiet" }, ...wrong))] : []),
      ...(trains ? [element("p", { class: "veil", "aria-hidden": "true" }, t("home.drop"))] : []),
    );
    this.undrop = trains ? takesDrops(main, dropped) : () => {};
    const elsewhere = ({ target }) => {
      for (const one of main.querySelectorAll(".menu[open]")) if (!one.contains(target)) one.open = false;
    };
    main.addEventListener("pointerdown", elsewhere);
    this.unheard = () => main.removeEventListener("pointerdown", elsewhere);
    this.#order();
    this.#works();
    if (trains) this.#tries();
  }

  close() {
    this.undrop();
    this.unheard();
  }

  // What to do if there is nothing yet.
  #welcome() {
    const steps = ["drop", "wait", "use"].map((name) => element("li", {}, t(`home.welcome.${name}`)));
    return element("div", { class: "paper welcome" }, element("p", {}, t("home.empty", { folder: this.shelf.below })), element("ol", {}, ...steps));
  }

  // ---------------------------------------------------------------- Models

  #order() {
    const by = this.order.value;
    keepSettings("home", { ...settings("home"), order: by });
    const used = lastUse();
    const far = (about) => (about.loss ? about.loss.value : Infinity);
    const orders = {
      used: (one, other) => (used.get(other.name) ?? other.modified) - (used.get(one.name) ?? one.modified),
      trained: (one, other) => other.modified - one.modified,
      name: (one, other) => one.name.localeCompare(other.name),
      loss: (one, other) => one.noun.localeCompare(other.noun) || far(one) - far(other),
      size: (one, other) => other.bytes - one.bytes,
    };
    const shipped = ({ name }) => Number(name.startsWith(SHIPPED));
    const sorted = this.shelf.models.toSorted((one, other) => shipped(one) - shipped(other) || orders[by](one, other));
    this.cards.replaceChildren(...sorted.map(({ name }) => this.shown.get(name)));
  }

  #filter() {
    const words = this.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const about of this.shelf.models) {
      const told = [about.name, about.noun, about.codec, ...about.sources].join(" ").toLowerCase();
      const right = words.every((one) => told.includes(one));
      this.shown.get(about.name).hidden = !right;
      count += right;
    }
    this.count.textContent = words.length ? t("home.filtered", { count, all: this.shelf.models.length }) : "";
  }

  #card(about) {
    const { name, views, sample, picture, quality } = about;
    const facts = [
      about.noun,
      about.loss && !quality.length && loss(about.loss), // of a voice, say, others say more
      about.sources.length && t("home.learnt", { sources: about.sources.join(", ") }),
    ].filter(Boolean);
    const when = [!name.startsWith(SHIPPED) && ago(1000 * about.modified), about.seconds && t("home.minutes", { minutes: duration(about.seconds) }), bytes(about.bytes)].filter(Boolean);
    const title = element("a", { href: address(views[0], name) }, name);
    const source = `/api/shelf/picture?model=${encodeURIComponent(name)}&digest=${about.digest.slice(0, 16)}`;
    const writes = sample && (picture !== "model" || about.modality === "text");
    const alt = t(`home.picture.${picture}`, { name });
    const image = picture && element("img", { src: source, alt, loading: "lazy", decoding: "async", class: picture, error: () => image.remove() });
    return element(
      "article",
      { class: "card paper" },
      element("div", { class: "title" }, element("h2", {}, title), ...(this.own.includes(about) ? [this.#menu(about)] : [])),
      element("p", { class: "quiet" }, facts.join(" · ")),
      ...(writes ? [element("p", { class: `sample ${drawn(sample).class ?? ""}`, "aria-label": t("home.sample") }, sample)] : []),
      ...quality.map((one) => element("p", { class: "quiet" }, one)),
      ...(picture ? [image] : []),
      element("p", { class: "quiet when", title: new Date(1000 * about.modified).toLocaleString() }, when.join(" · ")),
    );
  }

  #menu(about) {
    const act = (name, click) => element("button", { type: "button", click }, t(`home.${name}`));
    const label = { "aria-label": t("home.menu", { name: about.name }), title: t("home.menu", { name: about.name }) };
    const found = element("details", { class: "menu" }, element("summary", label, "⋯"), element("div", { class: "paper" }, act("rename", () => this.#rename(about)), act("delete", () => this.#delete(about))));
    found.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !found.open) return;
      found.open = false;
      found.querySelector("summary").focus();
    });
    found.addEventListener("focusout", ({ relatedTarget }) => (found.open &&= found.contains(relatedTarget) || !relatedTarget));
    return found;
  }

  async #rename({ name }) {
    const [last] = name.split("/").slice(-1);
    const to = prompt(t("home.rename.to", { name }), last)?.trim();
    if (!to || to === last) return;
    try {
      const { model } = await ask("/api/shelf/rename", { model: name, to });
      renamed(name, model);
      await again();
      focus(model);
      say(t("home.renamed", { name, to: model }));
    } catch (error) {
      trouble(error);
    }
  }

  async #delete({ name, bytes: size }) {
    if (!confirm(t("home.delete.sure", { name, size: bytes(size), folder: `${this.shelf.below}/.trash` }))) return;
    try {
      const { trash } = await ask("/api/shelf/delete", { model: name });
      await again();
      const undo = async () => {
        bar.remove();
        try {
          await ask("/api/shelf/restore", { trash });
          await again();
          focus(name);
          say(t("home.restored", { name }));
        } catch (error) {
          trouble(error);
        }
      };
      const bar = element("p", { class: "paper undo" }, t("home.deleted", { name }), " ", element("button", { type: "button", click: undo }, t("home.undo")));
      document.querySelector("main h1")?.parentElement.after(bar);
      bar.querySelector("button").focus();
      say(t("home.deleted", { name }));
    } catch (error) {
      trouble(error);
    }
  }

  // ---------------------------------------------------------------- What can be tried

  async #tries() {
    const [{ demos }, { runs }] = await Promise.all([ask("/api/demos"), ask("/api/runs")]);
    const states = new Map(runs.map(({ name, state }) => [name, state]));
    this.demos.replaceChildren(
      element("h2", {}, t("home.demos")),
      element("p", { class: "quiet" }, t("home.demos.note")),
      element("div", { class: "cards" }, ...demos.map((one) => this.#demo(one, states.get(`demo-${one.name}`)))),
    );
  }

  #demo({ name, about, more, minutes }, state) {
    const begin = async () => {
      try {
        const run = await ask("/api/runs/demo", { demo: name });
        location.hash = address("train", run.name);
      } catch (error) {
        trouble(error);
      }
    };
    const said = t(`home.demo.${name}`);
    const title = said.startsWith("home.") ? name : said; // a demo of a modality that was added
    const there = ["running", "finished"].includes(state);
    const act = there
      ? element("a", { class: "button", href: address("train", `demo-${name}`) }, t(`home.demo.${state}`))
      : element("button", { type: "button", click: begin, "aria-label": t("home.demo.begin.of", { name }) }, t(state === "stopped" ? "home.demo.stopped" : "home.demo.begin"));
    const time = minutes < 1 ? t("home.demo.seconds", { seconds: Math.round(60 * minutes) }) : t("home.demo.minutes", { minutes });
    return element("article", { class: "card paper demo" }, element("h3", {}, title), element("p", {}, about), element("p", { class: "quiet" }, more), element("div", { class: "row" }, act, element("span", { class: "quiet" }, time)));
  }

  // ---------------------------------------------------------------- Works

  #works() {
    const found = works();
    const lines = found.map((one) => this.#line(one));
    this.works.hidden = !found.length;
    const rest = lines.splice(RECENT);
    this.recent.replaceChildren(...lines);
    this.older?.remove();
    if (!rest.length) return;
    this.older = element("details", {}, element("summary", {}, t("home.older", { count: rest.length })), element("ul", { class: "works" }, ...rest));
    this.works.append(this.older);
  }

  #line(one) {
    const drop = () => {
      if (!confirm(t("home.sure", { title: one.title }))) return;
      forget(one.id);
      this.#works();
      say(t("home.forgotten", { title: one.title }));
    };
    const there = this.shelf.models.some(({ name }) => name === one.model);
    const title = one.title || t("home.untitled");
    const link = there ? element("a", { href: address(one.view, one.model, one.id) }, title) : element("span", { class: "gone", title: t("home.gone", { model: one.model }) }, title);
    const kind = element("span", { class: "kind" }, t(`view.${one.view}`));
    const model = there ? one.model : t("home.gone", { model: one.model });
    return element("li", {}, kind, link, element("span", { class: "quiet" }, `${model} · ${ago(one.changed)}`), element("button", { click: drop, "aria-label": t("home.forget.of", { title }) }, t("home.forget")));
  }
}

// Files that were dropped are what a model learns from.
function dropped(files) {
  if (!files.length) return;
  hand(files);
  location.hash = address("train");
}

// To the card of a model, when the page was shown anew.
const focus = (model) => Array.from(document.querySelectorAll(".card h2 a")).find((one) => one.textContent === model)?.focus();

// When models were used last, by their works and their pages: name → time in seconds.
function lastUse() {
  const found = new Map(Object.entries(settings("used")));
  for (const { model, changed } of works()) found.set(model, Math.max(found.get(model) ?? 0, changed / 1000));
  return found;
}
