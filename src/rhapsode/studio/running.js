// The training that goes on, in the head of all pages: how far it is, and in the title that it has ended.

import { $, element } from "../export/page/dom.js";
import { ask } from "./api.js";
import { t } from "./texts.js";

const EVERY = 4000; // ms

let name = "";
let timer = 0;
let known = 0; // of its metrics
let done = 0; // of 1

// running: the name of the training that goes on now, or null. address: of its page.
export function attend(running, address) {
  if (!running || running === name) return;
  name = running;
  known = done = 0;
  clearTimeout(timer);
  look(address);
}

async function look(address) {
  const mine = name;
  const chip = $("running") ?? element("a", { id: "running" });
  chip.href = address("train", mine);
  if (!chip.isConnected) $("top").append(chip);
  try {
    const { state, metrics, count } = await ask(`/api/runs/${encodeURIComponent(mine)}?begin=${known}`);
    if (mine !== name) return;
    known = count;
    done = metrics.findLast((one) => one.done !== undefined)?.done ?? done;
    const going = state === "running" || state === "elsewhere";
    chip.textContent = going ? t("running.now", { name: mine, percent: Math.floor(100 * done) }) : t(`running.${state}`, { name: mine });
    if (going) timer = setTimeout(() => look(address), EVERY);
    else ended(state, chip);
  } catch {
    chip.remove(); // the studio was ended, or the training moved away; the page that needs it says so
    name = "";
  }
}

// Says it in the title until the page is looked at.
function ended(state, chip) {
  const said = t(`running.${state}`, { name });
  name = "";
  $("status").textContent = said;
  const title = document.title;
  document.title = `${state === "finished" ? "✓ " : ""}${said}`;
  const seen = () => {
    if (document.title.includes(said)) document.title = title;
    setTimeout(() => name || chip.remove(), 20_000);
  };
  if (document.hidden) document.addEventListener("visibilitychange", seen, { once: true });
  else setTimeout(seen, 8000);
}
