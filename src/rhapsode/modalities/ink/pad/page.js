// The page: which line is asked for, what is saved, and what it comes to.

import { Pad, drawingOf, strokesOf } from "./pad.js";
import { Saver } from "./saver.js";
import { Lesson } from "./teach.js";

const SVG = "http://www.w3.org/2000/svg";
const find = (id) => document.getElementById(id);
const tag = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};

// A line: text; strokes, its draft; drawing, what was last given to be saved; changed, whether the draft is another.
let lines = [];
let about = {};
let at = 0;
let lesson = null; // if there is a model that can learn

const pad = new Pad(find("pad"), (written) => {
  if (!lines.length) return;
  if (written) {
    lines[at].strokes = pad.strokes;
    lines[at].changed = true;
  }
  buttons();
});
const saver = new Saver("lines", (text, error, seconds) => {
  if (error) say(`Not saved yet: ${error} Trying again in ${seconds} s.`, true);
  else say(saver.waiting.size ? "Saving …" : `Saved: ${text}`);
  list();
});

function say(text, bad = false) {
  find("status").textContent = text;
  find("status").classList.toggle("bad", bad);
}

function open(index) {
  at = index;
  const line = lines[at];
  find("text").textContent = line.text;
  pad.open(line.strokes, line.text.length);
  show();
}

function next() {
  const order = [...lines.keys()].map((i) => (at + 1 + i) % lines.length);
  const found = order.find((i) => !lines[i].drawing);
  if (found === undefined) show();
  else open(found);
}

function save() {
  const line = lines[at];
  if (pad.pointer !== null) return;
  if (!line.strokes.length) {
    say("Write the line first, or skip it.");
    return;
  }
  if (line.changed) {
    line.drawing = drawingOf(line.strokes);
    line.changed = false;
    say("Saving …");
    saver.put(line.text, line.drawing);
  }
  next();
}

function skip() {
  next();
  say(lines[at].drawing ? "" : "Skipped. It comes again after the others.");
}

function buttons() {
  const line = lines[at];
  const { shift, view, end } = pad;
  find("undo").disabled = !pad.strokes.length && !pad.cleared.length;
  find("clear").disabled = !pad.strokes.length;
  find("skip").disabled = !lines.some((each, i) => i !== at && !each.drawing);
  find("save").disabled = !line.strokes.length;
  find("save").textContent = line.changed || !line.drawing ? "Save and next" : "Next";
  find("left").hidden = shift <= 0;
  find("right").hidden = shift + view >= end;
  const n = line.strokes.length;
  find("pad").setAttribute("aria-label", `Writing area, ${n} ${n === 1 ? "stroke" : "strokes"}`);
}

function show() {
  const written = lines.filter((line) => line.drawing).length;
  find("count").textContent = `${written} of ${lines.length}`;
  find("progress").max = lines.length;
  find("progress").value = written;
  find("done").classList.toggle("ready", written === lines.length || Boolean(lesson?.possible(lines)));
  const begun = written === lines.length ? "All lines are written." : "Every saved line stays; you can go on another day.";
  find("after").textContent = lesson
    ? `${begun} A model can learn your hand from them, on the computer where rhapsode ink runs.`
    : `${begun} In the terminal, Ctrl-C ends; then fine-tune a model of handwriting on them. ${about.hint}`;
  coverage();
  list();
  buttons();
}

function coverage() {
  const counts = new Map(about.alphabet.map((char) => [char, 0]));
  for (const line of lines) {
    for (const char of line.drawing ? line.text : "") {
      if (counts.has(char)) counts.set(char, counts.get(char) + 1);
    }
  }
  const cells = [...counts].map(([char, n]) => {
    const level = n >= about.enough ? "enough" : n ? "some" : "none";
    const wanted = lines[at].text.includes(char) ? " wanted" : "";
    const times = `${char} ${n} ${n === 1 ? "time" : "times"}`;
    return tag("li", { class: level + wanted, "aria-label": times }, tag("b", {}, char), tag("span", {}, String(n)));
  });
  find("coverage").replaceChildren(...cells);
  const rare = [...counts.values()].filter((n) => n < about.enough).length;
  find("rare").textContent = rare
    ? `${rare} of ${counts.size} are still written fewer than ${about.enough} times. Outlined: those of this line.`
    : `All ${counts.size} are written at least ${about.enough} times.`;
}

function list() {
  lesson?.show(lines, saver.waiting.size > 0);
  const focused = document.activeElement?.dataset?.line;
  const items = [...lines.entries()].flatMap(([i, line]) => (line.drawing ? [tag("li", {}, thumbnail(i, line))] : []));
  find("lines").replaceChildren(...items);
  find("none").hidden = items.length > 0;
  if (focused) document.querySelector(`[data-line="${focused}"]`)?.focus();
}

function thumbnail(index, line) {
  const unsaved = saver.waiting.has(line.text);
  const label = tag("span", unsaved ? { class: "unsaved" } : {}, unsaved ? `not saved yet: ${line.text}` : line.text);
  const button = tag("button", { "data-line": index, title: "Write it again" }, picture(line.drawing), label);
  if (index === at) button.setAttribute("aria-current", "true");
  button.addEventListener("click", () => {
    open(index);
    say("Add to it, or clear it and write it again.");
    scrollTo({ top: 0 });
  });
  return button;
}

function picture({ strokes }) {
  const points = strokes.flat();
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const least = (values) => values.reduce((a, b) => Math.min(a, b));
  const most = (values) => values.reduce((a, b) => Math.max(a, b));
  const size = Math.max(most(xs) - least(xs), 4 * (most(ys) - least(ys)), 1);
  const margin = 0.02 * size;
  const svg = document.createElementNS(SVG, "svg");
  const box = [least(xs), least(ys), most(xs) - least(xs), most(ys) - least(ys)];
  svg.setAttribute("viewBox", [box[0] - margin, box[1] - margin, box[2] + 2 * margin, box[3] + 2 * margin].join(" "));
  svg.setAttribute("preserveAspectRatio", "xMinYMid meet");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("vector-effect", "non-scaling-stroke");
  path.setAttribute("d", strokes.map((stroke) => (stroke.length ? `M${stroke.join("L")}h0` : "")).join(""));
  svg.append(path);
  return svg;
}

function commands() {
  const items = about.commands.map((command) => {
    const copy = tag("button", { "aria-label": `Copy ${command}` }, "Copy");
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(command);
      say("Copied.");
    });
    // Browsers copy for pages of their own machine only, or encrypted ones.
    return tag("li", {}, tag("code", {}, command), ...(navigator.clipboard ? [copy] : []));
  });
  find("commands").replaceChildren(...items);
}

function key(event) {
  if (document.activeElement.closest("input, textarea, select, summary")) return;
  const control = event.ctrlKey || event.metaKey;
  const act = {
    Enter: () => save(),
    Delete: () => pad.clear(),
    Backspace: () => pad.clear(),
    s: () => find("skip").disabled || skip(),
    ArrowLeft: () => pad.turn(-0.5),
    ArrowRight: () => pad.turn(0.5),
  }[event.key];
  const own = document.activeElement.closest("button"); // Enter presses the button that has the focus
  if (control && event.key === "z") pad.undo();
  else if (act && !control && !event.altKey && !(own && event.key === "Enter") && !event.repeat) act();
  else return;
  event.preventDefault();
}

async function start() {
  let answer;
  try {
    answer = await fetch("lines");
    about = await answer.json();
  } catch {
    about = { error: "the server does not answer. Is “rhapsode ink” still running?" };
  }
  if (about.error) {
    find("text").textContent = "";
    say(`This page cannot begin: ${about.error}`, true);
    return;
  }
  lines = about.lines.map(({ text, drawing }) => {
    const strokes = drawing ? strokesOf(drawing) : [];
    return { text, strokes, drawing: strokes.length ? drawing : null, changed: false };
  });
  find("file").textContent = about.file;
  commands();
  find("terminal").open = !about.teacher;
  if (about.teacher) lesson = new Lesson(about.teacher, show);
  const first = lines.findIndex((line) => !line.drawing);
  open(first < 0 ? 0 : first);
  if (first < 0) say("All lines are written. Open one of them below to write it again.");
  else if (lines.some((line) => line.drawing)) say("Your earlier lines are here. Go on with this one.");
  const [left, right] = [() => pad.turn(-0.5), () => pad.turn(0.5)];
  const press = { undo: () => pad.undo(), clear: () => pad.clear(), skip, save, left, right };
  for (const [id, act] of Object.entries(press)) {
    find(id).addEventListener("click", (event) => {
      act();
      if (event.detail) find(id).blur(); // pressed with a pointer: Enter is for saving again
    });
  }
  addEventListener("keydown", key);
  addEventListener("resize", buttons);
  addEventListener("beforeunload", (event) => {
    if (saver.waiting.size || lines.some((line) => line.changed && line.strokes.length)) event.preventDefault();
  });
}

start();
