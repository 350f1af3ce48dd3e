// The branches of a work, as a tree.

import { element } from "../../../export/page/dom.js";
import { t } from "../../../studio/texts.js";
import { MODEL } from "./tree.js";

const SHOWN = 60; // characters of a change
const DEEPEST = 8; // steps to the right

export class Branches {
  // go: is called with the node that was chosen.
  constructor(go) {
    this.go = go;
    this.rows = new Map(); // node → { row, key }
    this.list = element("ul", { class: "branches", role: "tree", "aria-label": t("write.branches") });
    this.list.addEventListener("click", (event) => {
      const id = event.target.closest("li")?.dataset.node;
      if (id !== undefined) this.go(Number(id));
    });
    this.list.addEventListener("keydown", (event) => this.#key(event));
    const none = element("p", { class: "quiet" }, t("write.branches.none"));
    this.element = element("section", {}, element("h2", {}, t("write.branches")), this.list, none);
  }

  show(tree) {
    const outline = tree.outline();
    const rows = outline.map((one) => this.#row(one));
    const kept = new Set(outline.map(({ node }) => node.id));
    for (const id of this.rows.keys()) if (!kept.has(id)) this.rows.delete(id);
    const same = rows.length === this.list.children.length && rows.every((row, n) => row === this.list.children[n]);
    if (!same) this.list.replaceChildren(...rows);
    const here = this.rows.get(tree.here).row;
    const box = this.list.getBoundingClientRect();
    const own = here.getBoundingClientRect();
    if (own.top < box.top || own.bottom > box.bottom) this.list.scrollTop += own.top - box.top - box.height / 2;
  }

  #row({ node, depth, here, way }) {
    const by = node.by === MODEL ? "model" : "person";
    const shown = node.text.trim().replace(/\s+/g, " ").slice(0, SHOWN);
    const text = node.id === 0 ? t("write.begin") : shown || t(node.text ? "none" : "write.erased");
    const key = `${depth} ${here} ${way} ${by} ${text}`;
    const known = this.rows.get(node.id);
    if (known?.key === key) return known.row;
    const row = known?.row ?? element("li", { role: "treeitem", "data-node": node.id });
    row.className = `${by}${way ? " way" : ""}`;
    row.setAttribute("aria-level", depth + 1);
    row.setAttribute("aria-selected", here);
    row.setAttribute("tabindex", here ? "0" : "-1");
    row.setAttribute("aria-label", node.id === 0 ? text : t("write.branch", { by: t(`write.${by}`), text }));
    row.style.paddingInlineStart = `${0.4 + 0.9 * Math.min(DEEPEST, depth)}rem`;
    row.textContent = text;
    this.rows.set(node.id, { row, key });
    return row;
  }

  #key(event) {
    const row = event.target.closest("li");
    if (!row) return;
    const to = { ArrowDown: row.nextElementSibling, ArrowUp: row.previousElementSibling }[event.key];
    if (to) {
      event.preventDefault();
      to.focus();
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.go(Number(row.dataset.node));
      this.rows.get(Number(row.dataset.node))?.row.focus();
    }
  }
}
