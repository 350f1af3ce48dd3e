// A work of a page: what a person makes there. The browser keeps it as it changes, and files can hold it.

import { element } from "../export/page/dom.js";
import { download, group, named } from "./parts.js";
import * as store from "./store.js";
import { address, moved, say, trouble } from "./studio.js";
import { t } from "./texts.js";

const FORMAT = "rhapsode work";
const VERSION = 1;
const SOON = 400; // ms after a change, until it is kept
const LATEST = 3000; // ms, if changes do not pause

// The work of a page that was kept last with this model: its contents; null if there is none.
export function lastOf(view, model) {
  const last = store.works().find((one) => one.view === view && one.model === model);
  return last ? (store.work(last.id)?.contents ?? null) : null;
}

export class Work {
  // about: the model. view: the page's name. id: of a work that is kept, which is opened; or undefined. page: has
  //   title:       what the work is called
  //   contents():  all of the work, as JSON has it; null while there is nothing to keep
  //   restore(contents):  shows them; of null, a new work. Throws an Error that says why it cannot
  constructor(about, view, id, page) {
    Object.assign(this, { about, view, id, page, timer: null, closed: false, leaves: false, told: false });
    this.kept = id && store.changed(id); // when the work was kept as this page knows it
    const button = (name, click) => element("button", { id: `work-${name}`, click }, t(`work.${name}`));
    this.input = element("input", { type: "file", accept: ".json,application/json", hidden: "" });
    this.input.addEventListener("change", () => this.#read());
    const buttons = [
      button("save", () => this.#save()),
      button("open", () => this.input.click()),
      button("new", () => this.#begin()),
    ];
    this.element = group(t("work"), buttons, this.input);
    this.leaving = () => this.now();
    addEventListener("pagehide", this.leaving);
  }

  // Shows the work that was kept, if there is one. The page calls it when it is built.
  open() {
    const saved = this.id && store.work(this.id);
    if (saved && !this.#show(saved)) this.id = undefined; // it stays as it is, for a version that can show it
    clearTimeout(this.timer); // it is kept already
    this.timer = null;
  }

  // The page calls it with each change.
  changed() {
    if (this.showing || this.closed) return;
    const now = performance.now();
    if (this.timer === null) this.since = now;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.now(), Math.max(0, Math.min(SOON, this.since + LATEST - now)));
  }

  // Keeps what has changed and was not kept yet.
  now() {
    if (this.timer === null) return;
    clearTimeout(this.timer);
    this.timer = null;
    const contents = this.page.contents();
    if (contents === null) return;
    const there = this.id && store.changed(this.id);
    if (there !== undefined && there !== this.kept) {
      this.id = undefined; // another tab has kept it meanwhile: both stay
      say(t("work.elsewhere"));
    }
    if (!this.id) {
      this.id = store.freshId();
      moved(address(this.view, this.about.name, this.id), !this.leaves);
    }
    const title = this.page.title || t("none");
    try {
      this.kept = store.keep({ id: this.id, model: this.about.name, view: this.view, title }, this.#saved(contents));
      this.told = false;
    } catch (error) {
      if (!this.told) trouble(new Error(t("work.full", { why: error.message }))); // once: one can work on without
      this.told = true;
    }
  }

  close() {
    this.leaves = true; // the address is that of another page
    this.now();
    this.closed = true;
    removeEventListener("pagehide", this.leaving);
  }

  #saved(contents) {
    const { name, digest } = this.about;
    return { format: FORMAT, version: VERSION, view: this.view, model: { name, digest }, contents };
  }

  // Returns whether it could be shown.
  #show(saved) {
    const before = this.page.contents();
    let changed = false;
    try {
      if (saved?.format !== FORMAT) throw new Error(t("work.format", { format: FORMAT }));
      if (saved.version !== VERSION) throw new Error(t("work.version", { version: saved.version }));
      if (saved.view !== this.view) throw new Error(t("work.view", { view: t(`view.${saved.view}`) }));
      if (typeof saved.contents !== "object" || Array.isArray(saved.contents)) throw new Error(t("work.damaged"));
      changed = this.showing = true; // what is shown is no change
      this.page.restore(saved.contents);
      this.page.contents(); // what cannot be kept is damaged, too
    } catch (error) {
      if (changed) this.page.restore(before); // a part of it may be shown
      trouble(new Error(t("work.not", { why: error.message })));
      return false;
    } finally {
      this.showing = false;
    }
    const { digest, name } = saved.model ?? {};
    if (digest !== this.about.digest) trouble(new Error(t("work.other", { name })));
    else say(t("work.opened", { title: this.page.title }));
    return true;
  }

  #save() {
    const saved = JSON.stringify(this.#saved(this.page.contents()), null, 1);
    const name = named(this.page.title, this.about.name.replaceAll("/", "-"));
    download(new Blob([saved], { type: "application/json" }), `${name}.json`);
  }

  async #read() {
    const [file] = this.input.files;
    if (!file) return;
    let saved = null;
    try {
      saved = JSON.parse(await file.text());
    } catch (error) {
      trouble(new Error(t("work.not", { why: error.message })));
      return;
    } finally {
      this.input.value = "";
    }
    this.now();
    const { id } = this;
    this.id = undefined; // what the file holds is a work of its own
    if (this.#show(saved)) this.changed();
    else this.id = id;
  }

  #begin() {
    this.now();
    this.id = undefined;
    moved(address(this.view, this.about.name));
    this.page.restore(null);
  }
}
