// The page: where in the tune we are, and what is pressed. `time` says which second each tick of a change of tempo is at.

const data = JSON.parse(document.getElementById("tune").textContent);
const find = (id) => document.getElementById(id);
const AHEAD = 0.3; // seconds that notes are sent to the sound before they are heard
const HIDDEN = 1.5; // the same when the page is not seen, since browsers then wake it once a second

const between = (x, xs, ys) => {
  let n = 1;
  while (n < xs.length - 1 && x > xs[n]) n++;
  return ys[n - 1] + ((x - xs[n - 1]) * (ys[n] - ys[n - 1])) / (xs[n] - xs[n - 1]);
};
const [ticks, seconds] = [data.time.map(([tick]) => tick), data.time.map(([, second]) => second)];
const secondAt = (tick) => between(tick, ticks, seconds);
const tickAt = (second) => between(second, seconds, ticks);
const total = seconds.at(-1);
const notes = data.notes.map(([start, length, pitch, velocity, part], n) => {
  return { begin: secondAt(start), end: secondAt(start + length), pitch, velocity, part, n };
});
notes.sort((a, b) => a.begin - b.begin);
const rects = document.querySelectorAll("#body .note");
const bars = data.bars.map(secondAt);

const voices = new Voices(data.parts);
let playing = false;
let origin = 0; // the second of the tune that was heard at `since` of the sound's clock
let since = 0;
let speed = 1;
let next = 0; // of notes, the first not yet sent to the sound
let looping = false;
let timer = 0;
let lit = new Set();
let seen = true; // the cursor was, when last drawn

const place = () => (playing ? Math.min(origin + Math.max(voices.now - since, 0) * speed, total) : origin);

function send() {
  if (place() >= total) {
    if (looping) return begin(0);
    pause();
    origin = 0;
    return draw();
  }
  const until = place() + (document.hidden ? HIDDEN : AHEAD) * speed;
  for (; next < notes.length && notes[next].begin < until; next++) sound(notes[next]);
}

function sound(note, from = note.begin) {
  voices.play(note, since + (from - origin) / speed, (note.end - from) / speed);
}

// Go on from a second of the tune, with what is sounding there.
function begin(second) {
  voices.silence();
  origin = second;
  since = voices.now + 0.05;
  next = notes.findIndex((note) => note.begin >= second);
  if (next < 0) next = notes.length;
  for (const note of notes.slice(0, next)) {
    if (note.end > second + 0.05 && !data.parts[note.part].drums) sound(note, second);
  }
  send();
}

async function play() {
  find("play").disabled = true;
  try {
    await voices.start();
  } catch (error) {
    find("status").textContent = `This browser plays no sound: ${error.message}`;
    return;
  } finally {
    find("play").disabled = false;
  }
  playing = true;
  find("play").textContent = "Pause";
  begin(origin >= total ? 0 : origin);
  clearInterval(timer);
  timer = setInterval(send, 60);
  requestAnimationFrame(frame);
}

function pause() {
  origin = place();
  playing = false;
  clearInterval(timer);
  voices.silence();
  find("play").textContent = "Play";
  draw();
}

function toggle() {
  if (find("play").disabled) return;
  if (playing) pause();
  else play();
}

function seek(second) {
  const to = Math.min(Math.max(second, 0), total);
  if (playing) begin(to);
  else origin = to;
  seen = true;
  draw();
}

function turn(step) {
  const at = place();
  // A moment after a bar's beginning, back is to the one before.
  const passed = bars.filter((bar) => bar < at - (step < 0 ? 0.3 : -0.05));
  seek(step < 0 ? (passed.at(-1) ?? 0) : (bars[passed.length] ?? total));
}

function loop() {
  looping = !looping;
  find("loop").setAttribute("aria-pressed", looping);
}

const clock = (second) => `${Math.floor(second / 60)}:${String(Math.floor(second % 60)).padStart(2, "0")}`;

function frame() {
  draw();
  if (playing) requestAnimationFrame(frame);
}

function draw() {
  const at = place();
  const x = tickAt(at) * data.scale;
  find("cursor").style.transform = `translateX(${x}px)`;
  find("time").textContent = `${clock(at)} / ${clock(total)}`;
  find("seek").value = (1000 * at) / total;
  find("seek").setAttribute("aria-valuetext", clock(at));
  follow(x);
  const now = new Set();
  for (const { begin, end, part, n } of notes) {
    if (begin > at) break;
    if (playing && end > at && rects[n] && data.parts[part].heard) now.add(rects[n]);
  }
  for (const rect of lit) if (!now.has(rect)) rect.classList.remove("on");
  for (const rect of now) rect.classList.add("on");
  lit = now;
}

// Keep the cursor in sight, unless a person has scrolled away from it.
function follow(x) {
  const roll = find("roll");
  const room = roll.clientWidth - find("pitches").clientWidth;
  const visible = () => x >= roll.scrollLeft && x <= roll.scrollLeft + room;
  if (seen && (!visible() || (playing && x > roll.scrollLeft + 0.9 * room))) roll.scrollLeft = x - 0.15 * room;
  seen = visible();
}

function hear(button) {
  const part = Number(button.dataset.part);
  const heard = !data.parts[part].heard;
  voices.hear(part, heard);
  button.setAttribute("aria-pressed", heard);
  for (const { n, part: of } of notes) if (of === part) rects[n]?.classList.toggle("muted", !heard);
}

function key(event) {
  const act = {
    " ": toggle,
    ArrowLeft: () => turn(-1),
    ArrowRight: () => turn(1),
    Home: () => seek(0),
    l: loop,
  }[event.key];
  const own = event.key === " " ? "button, a" : event.key === "l" ? "" : "input"; // what has this key for itself
  if (!act || event.ctrlKey || event.metaKey || event.altKey || (own && event.target.matches(own))) return;
  event.preventDefault();
  if (!event.repeat || event.key.startsWith("Arrow")) act();
}

find("play").addEventListener("click", (event) => {
  toggle();
  if (event.detail) find("play").blur();
});
find("loop").addEventListener("click", (event) => {
  loop();
  if (event.detail) find("loop").blur();
});
find("body").addEventListener("click", (event) => {
  seek(secondAt((event.clientX - find("body").getBoundingClientRect().left) / data.scale));
});
find("seek").addEventListener("input", () => seek((find("seek").value / 1000) * total));
find("tempo").addEventListener("input", () => {
  const at = place();
  speed = find("tempo").value / 100;
  find("speed").textContent = `${find("tempo").value} %`;
  if (playing) begin(at);
});
find("volume").addEventListener("input", () => voices.volume((find("volume").value / 100) ** 2));
for (const button of find("parts").children) {
  button.addEventListener("click", (event) => {
    hear(button);
    if (event.detail) button.blur();
  });
}
addEventListener("keydown", key);
draw();
