// The page of a model of music.

import { $, chosenSeed, element, freshSeed, save, work } from "../../../export/page/dom.js";
import { model } from "../../../export/page/page.js";
import { headOf } from "../../../export/page/heads.js";
import { Draw, begin } from "../../../export/page/records.js";
import { Reader } from "../../../export/page/reader.js";
import { Player } from "../player/player.js";
import { codecOf } from "./codecs.js";
import { midi } from "../player/midi.js";
import { roll } from "../player/roll.js";
import { accompanied, clock, grid, held } from "../player/tune.js";

const HUES = 8; // of parts, in turn
const SPREAD = 0.45; // of parts, from the middle to the left and to the right

const { about, tensors, network } = await model();
const { usual } = about;
const codec = codecOf(about.codec, usual);
const reader = new Reader(network, about);
const head = headOf(about, tensors, codec);
const player = new Player();
let running = null; // aborts the composing
let tune = null;

const say = (text) => {
  $("status").textContent = text;
};

async function compose() {
  const invalid = document.querySelector("#controls input:invalid");
  if (invalid) return invalid.reportValidity();
  running = new AbortController();
  const { signal } = running;
  buttons();
  const [seed, bars, sampling] = [
    chosenSeed(),
    Number($("bars").value),
    { temperature: Number($("temperature").value) },
  ];
  const guide = codec.guide(bars);
  begin(reader, guide);
  const drawing = new Draw({ reader, head, guide, ends: (step) => codec.ends(step), sampling, seed });
  await work(
    () => drawing.next(),
    () => say(`Composing: ${drawing.steps.length.toLocaleString("en")} steps`),
    signal,
  );
  running = null;
  say(signal.aborted ? "Stopped." : "");
  if (!signal.aborted) show(codec.decode(drawing.steps));
  buttons();
}

function show(found) {
  tune = found;
  const { keys, body, scale } = roll(tune, usual.drums);
  $("tune").hidden = false;
  $("names").innerHTML = keys;
  $("notes").innerHTML = body;
  // Chords are heard, and not drawn as notes.
  const notes = [...tune.notes, ...held(tune)];
  const parts = soundsOf(tune);
  $("parts").replaceChildren(
    ...parts.map(({ name, hue, heard }, n) =>
      element("button", { "data-part": n, "aria-pressed": heard }, element("i", { class: hue }), name),
    ),
  );
  const [starts] = grid(tune);
  player.load({ notes, parts, time: clock(tune), bars: starts, scale });
  $("said").textContent = [...usual.facts, tempoOf(tune), `${starts.length} bars`, `${tune.notes.length} notes`].join(
    " · ",
  );
  const temperature = $("temperature").value === "1" ? "" : ` --temperature ${$("temperature").value}`;
  $("command").textContent =
    `rhapsode compose MODEL --bars ${$("bars").value} --seed ${$("seed").value}${temperature} -o tune.mid`;
}

const tempoOf = ({ tempos: [[, quarters], ...more] }) => `♩ = ${quarters.toFixed(0)}${more.length ? " at first" : ""}`;

// Of its parts, and of its chords.
function soundsOf({ parts, chords }) {
  const chosen = parts.map(({ sound }, n) => ({
    ...usual.sounds[sound ?? n],
    hue: `p${n % HUES}`,
    place: parts.length > 1 ? SPREAD * ((2 * n) / (parts.length - 1) - 1) : 0,
  }));
  return chords.length ? [...chosen, { ...usual.sounds.at(-1) }] : chosen;
}

function buttons() {
  $("generate").textContent = running ? "Stop" : "Compose";
  $("generate").disabled = false;
  $("save").disabled = Boolean(running) || !tune;
}

$("generate").addEventListener("click", () => (running ? running.abort() : compose()));
$("fresh").addEventListener("click", () => {
  $("seed").value = freshSeed();
  if (!running) compose();
});
$("temperature").addEventListener("input", () => {
  $("degrees").textContent = Number($("temperature").value).toFixed(2);
});
$("save").addEventListener("click", () => save(`${about.name}.mid`, midi(accompanied(tune)), "audio/midi"));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  $("generate").click();
});
$("bars").value = usual.bars;
buttons();
