// What else was likely in the place of a token: shown where one points, and taken with a click.

import { element } from "../../../export/page/dom.js";
import { say, trouble } from "../../../studio/studio.js";
import { t } from "../../../studio/texts.js";
import { label, percent } from "./settings.js";

const WAIT = 90; // ms that one points at a place, until it is looked up

export class Choices {
  // take: is called with the place of a token, in code units, and the text that is to stand there; null if none can be
  // taken. pointed: is called with the number of the token that one points at.
  constructor(sheet, reading, take, pointed = () => {}) {
    this.pointed = pointed;
    this.sheet = sheet;
    this.reading = reading;
    this.take = take;
    this.here = null;
    this.timer = null;
    this.told = element("p", { class: "quiet" });
    this.list = element("div", { role: "listbox", "aria-label": t("write.choices") });
    this.element = element("div", { class: "choices paper", hidden: "" }, this.told, this.list);
    this.element.addEventListener("keydown", (event) => this.#key(event));
    const { area, element: whole } = sheet;
    area.addEventListener("pointermove", (event) => {
      if (event.pointerType === "mouse" && !event.buttons) this.#point(event.clientX, event.clientY);
    });
    area.addEventListener("pointerleave", (event) => {
      clearTimeout(this.timer);
      if (!this.element.contains(event.relatedTarget)) this.#soon();
    });
    this.element.addEventListener("pointerleave", (event) => {
      if (!whole.contains(event.relatedTarget)) this.hide();
    });
    this.element.addEventListener("pointerenter", () => clearTimeout(this.leaving));
  }

  #soon() {
    clearTimeout(this.leaving);
    this.leaving = setTimeout(() => this.hide(), 250);
  }

  #point(x, y) {
    clearTimeout(this.timer);
    clearTimeout(this.leaving);
    this.timer = setTimeout(() => {
      const at = this.sheet.at(x, y);
      const n = at === null ? -1 : this.sheet.token(at);
      this.pointed(n >= 0 ? n : null);
      if (n >= 0) this.show(n, false);
      else this.hide();
    }, WAIT);
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
    this.list.replaceChildren(...found.map((one) => this.#button(one, token)));
    this.element.hidden = false;
    this.#place(token);
    if (focus) this.#focus(0);
    else say(this.told.textContent);
  }

  #button({ token, share }, own) {
    const attributes = {
      role: "option",
      tabindex: "-1",
      "aria-selected": String(token === own.token),
      "aria-label": t("write.choice", { token: label(token), share: percent(share) }),
      ...((!this.take || /^bytes:|^<\|/.test(token)) && { disabled: "" }),
      click: () => {
        this.hide();
        this.take(own.begin, token);
      },
    };
    const meter = element("meter", { value: share, "aria-hidden": "true" });
    return element("button", attributes, element("b", {}, label(token)), element("em", {}, percent(share)), meter);
  }

  // Below the token; above it, where there is no room.
  #place(token) {
    const box = this.sheet.box(token.begin);
    const around = this.element.offsetParent.getBoundingClientRect();
    const { offsetHeight, offsetWidth } = this.element;
    const below = box.bottom + offsetHeight < innerHeight || box.top < offsetHeight;
    this.element.style.top = `${(below ? box.bottom + 4 : box.top - offsetHeight - 4) - around.top}px`;
    this.element.style.left = `${Math.max(0, Math.min(box.left - around.left - 12, around.width - offsetWidth))}px`;
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
