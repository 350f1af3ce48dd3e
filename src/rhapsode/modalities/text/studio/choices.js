// What else was likely in the place of a token: shown where one points, and taken with a click.

import { element } from "../../../export/page/dom.js";
import { say, trouble } from "../../../studio/studio.js";
import { t } from "../../../studio/texts.js";
import { place } from "./pointer.js";
import { label, percent } from "./settings.js";
import { words } from "./words.js";

const BYTES = /^bytes:|^<\|/; // tokens that are no text

export class Choices {
  // take: is called with the place of a token, in code units, and the text that is to stand there.
  constructor(sheet, reading, take) {
    Object.assign(this, { sheet, reading, take, here: null });
    this.told = element("p", { class: "quiet" });
    this.tokens = element("div", { role: "group", "aria-label": t("write.tokens") });
    this.words = element("div", { role: "group", "aria-label": t("write.words"), class: "words" });
    this.list = element("div", { role: "listbox", "aria-label": t("write.choices") }, this.tokens, this.words);
    this.element = element("div", { class: "popup choices paper", hidden: "" }, this.told, this.list);
    this.element.addEventListener("keydown", (event) => this.#key(event));
  }

  // What was likely in the place of token number n. focus: the keyboard goes there.
  async show(n, focus) {
    const { reading } = this;
    if (this.here === n && !this.element.hidden) {
      if (focus) this.#focus(0);
      return;
    }
    const token = reading.tokens[n];
    this.here = n;
    this.asked?.abort();
    this.asked = new AbortController();
    let found = [];
    try {
      found = await reading.choices(n, this.asked.signal);
    } catch (error) {
      trouble(error);
      return;
    }
    if (this.here !== n || reading.tokens[n] !== token) return;
    const bits = (token.nats / Math.LN2).toFixed(1);
    this.told.textContent = t("write.took", { token: label(token.token), bits, rank: token.rank });
    this.tokens.replaceChildren(...found.map((one) => this.#button(one, token)));
    this.words.replaceChildren();
    this.element.hidden = false;
    place(this.element, this.sheet.box(token.begin));
    if (focus) this.#focus(0);
    else say(this.told.textContent);
    this.#spell(found, token);
  }

  // Beside letters, the words that they begin.
  async #spell(found, token) {
    const { model, text } = this.reading;
    try {
      const some = await words(model, text.slice(0, token.begin), found, this.asked.signal);
      if (this.reading.tokens[this.here] !== token || this.reading.text !== text) return;
      this.words.replaceChildren(...some.map((one) => this.#word(one, token)));
      place(this.element, this.sheet.box(token.begin));
    } catch (error) {
      if (error.status !== 429) trouble(error); // what is there is enough while others wait
    }
  }

  #word({ stem, text, share }, own) {
    const shown = element("b", {}, element("span", { class: "stem" }, stem), label(text));
    const told = t("write.choice", { token: stem + text, share: percent(share) });
    return this.#option(shown, share, told, () => this.take(own.begin, text));
  }

  #button({ token, share }, own) {
    const told = t("write.choice", { token: label(token), share: percent(share) });
    const take = BYTES.test(token) ? null : () => this.take(own.begin, token);
    return this.#option(element("b", {}, label(token)), share, told, take, token === own.token);
  }

  #option(shown, share, told, take, own = false) {
    const attributes = {
      role: "option",
      tabindex: "-1",
      "aria-selected": String(own),
      "aria-label": told,
      ...(!take && { disabled: "" }),
      click: () => {
        this.hide();
        take();
      },
    };
    const meter = element("meter", { value: share, "aria-hidden": "true" });
    return element("button", attributes, shown, element("em", {}, percent(share)), meter);
  }

  get #enabled() {
    return this.list.querySelectorAll("button:enabled");
  }

  #focus(n) {
    this.#enabled[n]?.focus();
  }

  #key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      this.#focus([...this.#enabled].indexOf(document.activeElement) + step);
    } else if (event.key === "Escape") {
      this.hide();
      this.sheet.area.focus();
    }
  }

  hide() {
    this.asked?.abort();
    this.here = null;
    this.element.hidden = true;
  }
}
