// The page of a model of handwriting.

import { $, chosenSeed, freshSeed, save, work } from "../../../export/page/dom.js";
import { model } from "../../../export/page/page.js";
import { Guide } from "../../../export/page/guide.js";
import { Draw, begin } from "../../../export/page/records.js";
import { Reader } from "../../../export/page/reader.js";
import { headOf } from "./head.js";
import { stacked } from "./lines.js";
import { Film, still } from "./player.js";
import { Strokes } from "./strokes.js";
import { fit, svg, timing } from "./svg.js";
import { broken, lines, spelled } from "./texts.js";

const LARGEST = 5000; // mm
const LARGER = 1.7; // than the drawing's mm, where there is room

const { about, tensors, network } = await model();
const codec = new Strokes(about.codec);
network.text = codec.begin("").text;
const reader = new Reader(network, about);
const head = headOf(about);
let running = null; // aborts the writing
let drawn = null; // what was written last: { file, film }

const say = (text) => {
  $("status").textContent = text;
};
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

// The text to be written, and its lines. Each is written by itself, as long as those that the model learnt from.
function given() {
  const alone = (text) => ({ text, placed: [{ text, above: 0, indent: 0 }] });
  if (!codec.alphabet) return alone("");
  const { text, changed } = spelled($("prompt").value, codec.alphabet);
  const parts = [...changed].map(([from, to]) => (to ? `‘${from}’ is written ‘${to}’` : `‘${from}’ is left out`));
  say(parts.length ? `The model has never seen some characters: ${parts.join("; ")}.` : "");
  if (codec.alphabet.includes("\n") || !codec.hand) return alone(text);
  const short = broken(text, codec.alphabet.includes(" ") ? codec.hand.longest : Infinity);
  return { text: short, placed: lines(short) };
}

async function write() {
  const { text: whole, placed } = given();
  if (codec.alphabet && !placed.some(({ text }) => text.trim())) return say("There is nothing to write: type a text.");
  if (!$("seed").reportValidity()) return;
  running = new AbortController();
  const { signal } = running;
  buttons();
  const [seed, sampling] = [chosenSeed(), { bias: Number($("bias").value) }];
  const done = [];
  for (const [row, { text }] of placed.entries()) {
    const begun = codec.begin(text);
    network.text = begun.text;
    const guide = new Guide();
    begin(reader, guide);
    const drawing = new Draw({
      reader,
      head,
      guide,
      ends: (step) => codec.ends(step),
      sampling,
      seed,
      row,
      length: begun.length,
    });
    await work(
      () => drawing.next(),
      () => {},
      signal,
    );
    if (signal.aborted) break;
    done.push(codec.decode(drawing.steps, codec.alphabet ? text : null));
  }
  running = null;
  if (!signal.aborted)
    show(fit(stacked(done, placed, codec.hand), done.length > 1 ? codec.hand.xHeight : null), whole);
  buttons();
}

function show(fitted, text) {
  if (!(Math.max(fitted.width, fitted.height) <= LARGEST))
    return say("The drawing would be larger than any page. Try another seed.");
  const file = svg(fitted);
  $("paper").innerHTML = file;
  $("paper").firstChild.style.width = `${LARGER * fitted.width}mm`;
  drawn?.film.pause();
  drawn = { file, film: new Film([...$("paper").querySelectorAll("path")], timing(fitted)) };
  $("command").textContent =
    `rhapsode write MODEL${text ? ` ${quoted(text)}` : ""} --seed ${$("seed").value} --bias ${$("bias").value}` +
    `${text ? " --tries 1" : ""} -o drawing.svg`;
  replay();
}

// Each stroke comes in the time that a pen takes for it.
function replay() {
  const speed = Number($("speed").value);
  drawn.film.pause();
  drawn.film.seek(drawn.film.length);
  if (speed && !still()) drawn.film.play(speed);
}

function buttons() {
  $("generate").textContent = running ? "Stop" : codec.alphabet ? "Write" : "Draw";
  $("generate").disabled = false;
  $("replay").disabled = $("save").disabled = Boolean(running) || !drawn;
}

$("generate").addEventListener("click", () => (running ? running.abort() : write()));
$("fresh").addEventListener("click", () => {
  $("seed").value = freshSeed();
  if (!running) write();
});
$("bias").addEventListener("input", () => {
  $("bias-shown").textContent = Number($("bias").value).toFixed(1);
});
$("replay").addEventListener("click", replay);
$("save").addEventListener("click", () => save(`${about.name}.svg`, drawn.file, "image/svg+xml"));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  $("generate").click();
});
$("words").hidden = !codec.alphabet;
buttons();
