// What the model expected at one step of a text: the likeliest tokens there, and what came.

import { element } from "../../../export/page/dom.js";
import { t } from "../../../studio/texts.js";
import { label, percent } from "./settings.js";

export class Step {
  constructor(reading) {
    this.reading = reading;
    this.told = element("p", { class: "quiet" }, t("look.step.none"));
    this.rows = element("ol", { class: "next" });
    this.element = element("section", { class: "step" }, element("h2", {}, t("look.step")), this.told, this.rows);
  }

  // n: the number of the token; null for none.
  async show(n) {
    this.asked?.abort();
    const token = n === null ? undefined : this.reading.tokens[n];
    if (!token) {
      this.told.textContent = t("look.step.none");
      this.rows.replaceChildren();
      return;
    }
    this.asked = new AbortController();
    const found = await this.reading.choices(n, this.asked.signal);
    if (this.reading.tokens[n] !== token) return;
    const bits = { bits: inBits(token), entropy: (token.entropy / Math.LN2).toFixed(1) };
    this.told.textContent = t("look.step.told", { token: label(token.token), rank: token.rank, ...bits });
    this.rows.replaceChildren(...found.map((one) => row(one, token.token)));
  }
}

export const inBits = ({ nats }) => (nats / Math.LN2).toFixed(1);

function row({ token, share }, own) {
  const bar = element("i", { class: "drawn" });
  bar.style.width = `${100 * share}%`;
  const told = t("write.choice", { token: label(token), share: percent(share) });
  const bars = element("span", { class: "bars", role: "img", "aria-label": told }, bar);
  return element("li", token === own ? { class: "own" } : {}, element("b", {}, label(token)), bars, percent(share));
}
