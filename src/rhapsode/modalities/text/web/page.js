// The page of a model of text: writes, shades by surprise, shows what else was likely.

import { $, element, freshSeed, save, work } from "../../../export/page/dom.js";
import { model } from "../../../export/page/page.js";
import { Writer } from "./writer.js";

const SHOWN = 10; // the likeliest symbols
const PER_BIT = 1.25; // shades
const FRAMES = 90; // in which a text is written, at the least: one sees it come
const NUMBERS = ["temperature", "top_k", "top_p", "min_p", "typical", "repetition_penalty"];

const { about, tensors, network } = await model();
const writer = new Writer(network, about, tensors);
const spans = []; // of the writer's symbols
let running = null; // aborts the writing
let here = null; // the place whose likeliest symbols are shown
let taken = false; // whether the person chose a symbol

const bits = (nats) => nats / Math.LN2;
const percent = (p) =>
  p >= 0.0995 ? `${(100 * p).toFixed(0)} %` : p >= 0.001 ? `${(100 * p).toFixed(1)} %` : "< 0.1 %";
const say = (text) => {
  $("status").textContent = text;
};

// ---------------------------------------------------------------- The text

function drawn() {
  while (spans.length > writer.symbols.length) spans.pop().remove();
  const added = document.createDocumentFragment();
  for (let n = spans.length; n < writer.symbols.length; n++) {
    const { symbol, nats, text } = writer.symbols[n];
    const span = element("span", {}, text);
    span.classList.add(`s${Math.min(9, Math.floor(PER_BIT * bits(nats)))}`);
    span.classList.toggle("given", n < writer.given);
    span.classList.toggle("newline", text === "\n");
    span.classList.toggle("silent", !text && symbol !== writer.codec.end);
    span.classList.toggle("end", symbol === writer.codec.end);
    span.dataset.at = n;
    spans.push(span);
    added.append(span);
  }
  $("text").append(added);
  figures();
}

function figures() {
  const of = (symbols) => {
    const characters = Array.from(symbols.map(({ text }) => text).join("")).length;
    const nats = symbols.reduce((sum, each) => sum + each.nats, 0);
    const per = characters ? `, ${(bits(nats) / characters).toFixed(2)} bits per character` : "";
    return `${characters.toLocaleString("en")} characters${per}`;
  };
  const given = writer.symbols.slice(0, writer.given);
  const own = writer.symbols.slice(writer.given);
  $("figures").textContent = [given.length && `Yours: ${of(given)}`, own.length && `the model's: ${of(own)}`]
    .filter(Boolean)
    .join(" · ");
}

// ---------------------------------------------------------------- Writing

function settings() {
  const value = (id) => Number($(id).value);
  const sampling = Object.fromEntries(NUMBERS.map((id) => [id, value(id)]));
  return { seed: BigInt($("seed").value.replace(/\D/g, "") || 0), sampling, ignoreEnd: $("ignore_end").checked };
}

async function write() {
  hide();
  const valid = document.querySelectorAll("main input:invalid");
  if (valid.length) return valid[0].reportValidity();
  writer.begin(settings());
  const own = (running = new AbortController());
  buttons();
  let left = Number($("length").value);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const slice = still ? Infinity : Math.max(1, Math.ceil(left / FRAMES));
  const begun = writer.symbols.length;
  await work(() => writer.draw() && --left > 0, drawn, own.signal, slice);
  if (running === own) stop();
  say(`${writer.symbols.length - begun} symbols written. ${$("figures").textContent}`);
}

// After this, nothing more is written.
function stop() {
  running?.abort();
  running = null;
  buttons();
}

function buttons() {
  $("generate").textContent = running ? "Stop" : "Write";
  const over = writer.ended && !$("ignore_end").checked;
  $("continue").disabled = Boolean(running) || !writer.symbols.length || over;
  $("save").disabled = Boolean(running) || !writer.symbols.length;
  told();
}

async function begin() {
  taken = false;
  writer.cut(writer.given);
  drawn();
  await write();
}

// What the command line needs to write the same.
function told() {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const changed = NUMBERS.filter((id) => $(id).value !== $(id).defaultValue);
  const length = Math.max(Number($("length").value), writer.symbols.length - writer.given);
  const words = [
    "rhapsode generate MODEL",
    ...($("prompt").value ? [quoted($("prompt").value)] : []),
    `--seed ${$("seed").value}`,
    ...changed.map((id) => `--${id.replaceAll("_", "-")} ${$(id).value}`),
    `--length ${length}`,
    ...($("ignore_end").checked ? ["--ignore-end"] : []),
  ];
  $("command").textContent = taken ? "none: you chose a symbol yourself" : words.join(" ");
}

$("generate").addEventListener("click", () => (running ? stop() : begin()));
$("continue").addEventListener("click", write);
$("save").addEventListener("click", () => save(`${about.name}.txt`, writer.text, "text/plain"));
$("fresh").addEventListener("click", () => {
  $("seed").value = freshSeed();
  if (!running) begin();
});
$("temperature").addEventListener("input", () => {
  $("degrees").textContent = Number($("temperature").value).toFixed(2);
});
document.querySelector("main").addEventListener("input", buttons);

$("prompt").addEventListener("input", () => {
  hide();
  taken = false;
  const same = writer.prompt($("prompt").value);
  while (spans.length > same) spans.pop().remove();
  drawn();
  stop();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    $("generate").click();
  }
});

// ---------------------------------------------------------------- What else was likely

const MARKS = { "␣": "space", "↵": "new line", "⇥": "tab" };
const label = (symbol) => writer.codec.label(symbol);
const spoken = (symbol) => MARKS[label(symbol)] ?? label(symbol);

// Shows the likeliest symbols at a place of the text. reveal: moves the page so that they can be seen.
function show(at, reveal) {
  if (at === here) return;
  hide();
  here = at;
  const span = spans[at];
  const { symbol, nats } = writer.symbols[at];
  span.classList.add("here");
  const found = writer.likeliest(at, SHOWN);
  $("likeliest").replaceChildren(...found.map((one) => choice(at, one, one.symbol === symbol)));
  const took = `${spoken(symbol)} took ${bits(nats).toFixed(1)} bits`;
  $("surprise").textContent = took;
  $("choices").hidden = false;
  place(span, reveal);
  const first = found.slice(0, 3).map((one) => `${spoken(one.symbol)} ${percent(one.probability)}`);
  say(`${took}. Likeliest: ${first.join(", ")}`);
}

// The button of one of the likeliest symbols. own: it is the text's.
function choice(at, { symbol, probability }, own) {
  const attributes = {
    role: "option",
    tabindex: "-1",
    "aria-selected": String(own),
    "aria-label": `${spoken(symbol)}, ${percent(probability)}`,
    click: () => take(at, symbol),
  };
  const share = element("meter", { value: probability, "aria-hidden": "true" });
  return element("button", attributes, element("b", {}, label(symbol)), element("em", {}, percent(probability)), share);
}

// Below the symbol; or above it, where there is no room and the page is not to move.
function place(span, reveal) {
  const box = $("choices");
  const sheet = $("sheet").getBoundingClientRect();
  const at = span.getClientRects()[0] ?? span.getBoundingClientRect();
  const below = reveal || at.bottom + box.offsetHeight < innerHeight || at.top < box.offsetHeight;
  box.style.top = `${below ? at.bottom - sheet.top : at.top - sheet.top - box.offsetHeight}px`;
  box.style.left = `${Math.max(0, Math.min(at.left - sheet.left - 12, sheet.width - box.offsetWidth))}px`;
  if (reveal) {
    span.scrollIntoView({ block: "nearest" });
    box.scrollIntoView({ block: "nearest" });
  }
}

function hide() {
  if (here === null) return;
  spans[here]?.classList.remove("here");
  $("choices").hidden = true;
  here = null;
}

// Goes on from another symbol.
async function take(at, symbol) {
  stop();
  const given = writer.given;
  hide();
  writer.cut(at);
  writer.take(symbol);
  taken = true;
  if (at < given) writer.given = writer.symbols.length;
  while (spans.length > at) spans.pop().remove();
  drawn();
  $("text").focus({ preventScroll: true });
  await write();
}

const place_of = (event) => event.target.closest?.("#text span")?.dataset.at;
$("text").addEventListener("pointerover", (event) => {
  const at = place_of(event);
  if (at !== undefined && event.pointerType === "mouse") show(Number(at));
});
$("text").addEventListener("click", (event) => {
  const at = place_of(event);
  if (at !== undefined) show(Number(at), true);
  else hide();
});
$("sheet").addEventListener("pointerleave", (event) => {
  if (event.pointerType === "mouse") hide();
});
document.addEventListener("pointerdown", (event) => {
  if (!$("sheet").contains(event.target)) hide();
});
$("text").addEventListener("keydown", (event) => {
  const last = spans.length - 1;
  const to = { ArrowLeft: (here ?? last + 1) - 1, ArrowRight: (here ?? -1) + 1, Home: 0, End: last }[event.key];
  if (to !== undefined && last >= 0) {
    event.preventDefault();
    show(Math.min(Math.max(to, 0), last), true);
  } else if ((event.key === "Enter" || event.key === "ArrowDown") && here !== null && !event.ctrlKey) {
    event.preventDefault();
    $("likeliest").firstElementChild.focus();
  } else if (event.key === "Escape") hide();
});
$("choices").addEventListener("keydown", (event) => {
  const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
  if (step) {
    event.preventDefault();
    document.activeElement[step]?.focus();
  } else if (event.key === "Escape") {
    $("text").focus();
    hide();
  }
});

$("seed").value = freshSeed();
$("past-end").hidden = writer.codec.end === null && !about.lines;
buttons();
