// The page of a model of handwriting.

import { $, frame, freshSeed, model, save, work } from "../../../export/page/page.js";
import { FREE, Draw, begin } from "../../../export/page/records.js";
import { Reader } from "../../../export/page/reader.js";
import { Mixture } from "../heads/mixture.js";
import { stacked } from "./lines.js";
import { Strokes } from "./strokes.js";
import { fit, svg, timing } from "./svg.js";
import { broken, lines, spelled } from "./texts.js";

const { about, tensors, network } = await model();
const codec = new Strokes(about.codec);
network.text = codec.begin("").text;
const reader = new Reader(network, about);
const mixture = new Mixture({ ...about.head, returns: about.codec.returns });
const head = { draw: (parameters, { sampling: { bias }, randomness }) => mixture.draw(mixture.distribution(parameters), { uniform: () => randomness.uniform(), bias }).step };
let running = null; // aborts the writing
let drawn = null; // what was written last: { file, paths, times }

const say = (text) => { $("status").textContent = text; };
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

// The lines to be written. Each is written by itself, as long as those that the model learnt from.
function given() {
  if (!codec.alphabet) return [{ text: "", above: 0, indent: 0 }];
  const { text, changed } = spelled($("prompt").value, codec.alphabet);
  const parts = [...changed].map(([from, to]) => (to ? `‘${from}’ is written ‘${to}’` : `‘${from}’ is left out`));
  say(parts.length ? `The model has never seen some characters: ${parts.join("; ")}.` : "");
  const whole = codec.alphabet.includes("\n") || !codec.hand;
  const whatever = whole ? text : broken(text, codec.alphabet.includes(" ") ? codec.hand.longest : Infinity);
  return whole ? [{ text, above: 0, indent: 0 }] : lines(whatever);
}

async function write() {
  const placed = given();
  if (codec.alphabet && !placed.some(({ text }) => text.trim())) return say("There is nothing to write: type a text.");
  if (!$("seed").reportValidity()) return;
  running = new AbortController();
  const { signal } = running;
  buttons();
  const [seed, sampling] = [BigInt($("seed").value || 0), { bias: Number($("bias").value) }];
  const done = [];
  for (const [row, { text }] of placed.entries()) {
    const begun = codec.begin(text);
    network.text = begun.text;
    begin(reader, FREE);
    const drawing = new Draw({ reader, head, guide: FREE, ends: (step) => codec.ends(step), sampling, seed, row, length: begun.length });
    await work(() => drawing.next(), () => {}, signal);
    if (signal.aborted) break;
    done.push(codec.decode(drawing.steps, codec.alphabet ? text : null));
  }
  running = null;
  if (!signal.aborted) show(fit(stacked(done, placed, codec.hand), done.length > 1 ? codec.hand.xHeight : null), placed);
  buttons();
}

function show(fitted, placed) {
  const file = svg(fitted);
  $("paper").innerHTML = file;
  drawn = { file, paths: [...$("paper").querySelectorAll("path")], times: timing(fitted) };
  const text = placed.map(({ above, indent, text: line }, n) => `${"\n".repeat(n && 1 + above)}${" ".repeat(indent)}${line}`).join("");
  $("command").textContent = `rhapsode write MODEL${text ? ` ${quoted(text)}` : ""} --seed ${$("seed").value} --bias ${$("bias").value}${text ? " --tries 1" : ""} -o drawing.svg`;
  replay();
}

// Each stroke comes in the time that a pen takes for it.
async function replay() {
  const { paths, times } = drawn;
  for (const path of paths) for (const film of path.getAnimations()) film.cancel();
  const speed = Number($("speed").value);
  if (!speed || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  await frame();
  paths.forEach((path, n) => {
    const [delay, duration] = times[n].map((seconds) => (1000 * seconds) / speed);
    path.setAttribute("pathLength", 1);
    const dot = path.getAttribute("d").endsWith("h0");
    const [from, to] = dot ? [{ visibility: "hidden" }, { visibility: "hidden" }] : [{ strokeDashoffset: 1.01 }, { strokeDashoffset: 0 }];
    const dashed = dot ? {} : { strokeDasharray: "1 2" };
    path.animate([{ ...dashed, ...from }, { ...dashed, ...to }], { delay, duration: Math.max(duration, 1), fill: "backwards" });
  });
}

function buttons() {
  $("generate").textContent = running ? "Stop" : codec.alphabet ? "Write" : "Draw";
  $("replay").disabled = $("save").disabled = Boolean(running) || !drawn;
}

$("generate").addEventListener("click", () => (running ? running.abort() : write()));
$("fresh").addEventListener("click", () => {
  $("seed").value = freshSeed();
  if (!running) write();
});
$("bias").addEventListener("input", () => { $("bias-shown").textContent = Number($("bias").value).toFixed(1); });
$("replay").addEventListener("click", replay);
$("save").addEventListener("click", () => save(`${about.name}.svg`, drawn.file, "image/svg+xml"));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  $("generate").click();
});
$("words").hidden = !codec.alphabet;
buttons();
