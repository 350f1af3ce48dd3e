// The page of a model of series.

import { $, chosenSeed, element, freshSeed, save, work } from "../../../export/page/dom.js";
import { model } from "../../../export/page/page.js";
import { general } from "../../../export/page/general.js";
import { Draw, begin } from "../../../export/page/records.js";
import { Reader } from "../../../export/page/reader.js";
import { chart } from "./chart.js";
import { headOf } from "./head.js";
import { Series, quantile } from "./series.js";
import { read } from "./table.js";

const LEVELS = [0.1, 0.5, 0.9];
const AHEAD = 12; // values where there is no season
const DIGITS = 6; // of forecasts in files

const { about, tensors, network } = await model();
const codec = new Series(about.codec);
const reader = new Reader(network, about);
const head = headOf(codec);
let running = null; // aborts the forecasting
let every = []; // series that can be forecast
let made = null; // the last forecast: { past, paths }

const frequency = Object.assign(codec.frequency, { name: about.frequency });
const say = (text) => {
  $("status").textContent = text;
};
const value = (id) => Number($(id).value);

// ---------------------------------------------------------------- The table

function look() {
  const text = $("table").value;
  const told = [];
  every = [];
  if (!text.trim())
    told.push(
      "Without a table, a new series is drawn, which begins as one of those that the model learnt from. " +
        `Its values are ${frequency.name}.`,
    );
  else {
    try {
      const { series, notes } = read(text, frequency, about.forms);
      every = series.filter((one) => !codec.refusal(one));
      const refused = series.filter((one) => codec.refusal(one));
      if (every.length)
        told.push(
          `${every.length} series: ${every
            .map(({ name, values }) => `${name || "one"} (${values.length} values)`)
            .slice(0, 5)
            .join(", ")}${every.length > 5 ? " …" : ""}.`,
        );
      told.push(
        ...notes.map((note) => `${note}.`),
        ...refused.slice(0, 5).map((one) => `${one.name || "The series"} cannot be forecast: ${codec.refusal(one)}.`),
      );
    } catch (error) {
      told.push(error.message);
    }
  }
  $("read").textContent = told.join(" ");
  $("series").replaceChildren(
    ...every.map(({ name }, n) => element("option", { value: n }, name || `series ${n + 1}`)),
  );
  $("which").hidden = every.length < 2;
  buttons();
}

// ---------------------------------------------------------------- The forecast

async function forecast() {
  const past = $("table").value.trim() ? (every[value("series")] ?? every[0]) : codec.example;
  const invalid = document.querySelector("main input:invalid");
  if (invalid) return invalid.reportValidity();
  running = new AbortController();
  const { signal } = running;
  buttons();
  const [seed, sampling, length] = [
    chosenSeed(),
    { temperature: value("temperature") },
    value("horizon"),
  ];
  const { guide, steps, origin } = codec.begin(past);
  begin(reader, guide, steps);
  const place = reader.save();
  const paths = [];
  const next = () =>
    new Draw({
      reader,
      head,
      guide: guide.copy(),
      ends: () => false,
      sampling,
      seed,
      row: paths.length,
      recent: steps,
      length,
    });
  let path = next();
  await work(
    () => {
      if (path.next()) return true;
      paths.push(path.steps.map((step) => codec.kind.value(step) + origin));
      if (paths.length === value("samples")) return false;
      reader.load(place);
      path = next();
      return true;
    },
    () => say(`${paths.length} of ${value("samples")} paths`),
    signal,
  );
  running = null;
  if (!signal.aborted) show({ past, paths, command: command(past) });
  else say("Stopped.");
  buttons();
}

function show(found) {
  made = found;
  const { past, paths } = made;
  say("");
  $("title").textContent = past.name;
  draw();
  const columns = columnsOf(paths);
  $("numbers").tHead.replaceChildren(
    element("tr", {}, ...["time", ...Object.keys(columns)].map((name) => element("th", { scope: "col" }, name))),
  );
  $("numbers").tBodies[0].replaceChildren(
    ...paths[0].map((_, n) =>
      element(
        "tr",
        {},
        element("td", {}, timeOf(past, past.values.length + n)),
        ...Object.values(columns).map((column) => element("td", {}, general(column[n], DIGITS))),
      ),
    ),
  );
  $("command").textContent = made.command;
}

function draw() {
  if (!made) return;
  const { past, paths } = made;
  const quantiles = Object.fromEntries(
    LEVELS.map((level) => [
      level,
      paths[0].map((_, n) =>
        quantile(
          paths.map((path) => path[n]),
          level,
        ),
      ),
    ]),
  );
  const width = Math.max(300, Math.min(940, $("chart").clientWidth));
  $("chart").innerHTML = chart(past, quantiles, (place) => shortTime(past, place), [width, width < 500 ? 260 : 340]);
}

const shortTime = (past, place) => timeOf(past, place).replace(frequency.unit === "month" ? /-01$/ : /:00$/, "");
const timeOf = ({ start }, place) => frequency.said(frequency.time(start, place));

// The mean of the paths, and their quantiles.
function columnsOf(paths) {
  const at = paths[0].map((_, n) => paths.map((path) => path[n]));
  const mean = at.map((values) => values.reduce((one, other) => one + other, 0) / values.length);
  return {
    mean,
    ...Object.fromEntries(LEVELS.map((level) => [`q${level}`, at.map((values) => quantile(values, level))])),
  };
}

// The file that `rhapsode forecast` writes.
function csv({ past, paths }) {
  const columns = columnsOf(paths);
  const rows = paths[0].map((_, n) => [
    timeOf(past, past.values.length + n),
    ...Object.values(columns).map((column) => general(column[n], DIGITS)),
  ]);
  return [["time", ...Object.keys(columns)], ...rows].map((row) => `${row.join(",")}\n`).join("");
}

function command({ name }) {
  const quoted = `'${name.replaceAll("'", "'\\''")}'`;
  const table = $("table").value.trim() ? ` TABLE.csv${every.length > 1 ? ` --series ${quoted}` : ""}` : "";
  const temperature = value("temperature") === 1 ? "" : ` --temperature ${$("temperature").value}`;
  const numbers = ["horizon", "samples", "seed"].map((id) => ` --${id} ${$(id).value}`).join("");
  return `rhapsode forecast MODEL${table}${numbers}${temperature} -o forecast.csv`;
}

function buttons() {
  $("generate").textContent = running ? "Stop" : "Forecast";
  $("generate").disabled = !running && Boolean($("table").value.trim()) && !every.length;
  $("save").disabled = Boolean(running) || !made;
}

$("generate").addEventListener("click", () => (running ? running.abort() : forecast()));
$("fresh").addEventListener("click", () => {
  $("seed").value = freshSeed();
  if (!running && !$("generate").disabled) forecast();
});
$("table").addEventListener("input", look);
$("file").addEventListener("change", async () => {
  const [file] = $("file").files;
  if (!file) return;
  $("table").value = await file.text();
  look();
});
$("temperature").addEventListener("input", () => {
  $("degrees").textContent = value("temperature").toFixed(2);
});
$("save").addEventListener("click", () => save(`${about.name}.csv`, csv(made), "text/csv"));
addEventListener("resize", draw);
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  if (!$("generate").disabled) $("generate").click();
});
$("horizon").value = frequency.season > 1 ? frequency.season : AHEAD;
look();
