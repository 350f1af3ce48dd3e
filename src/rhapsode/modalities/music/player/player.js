// The player of a tune: where in it we are, and what is pressed. The page has its elements, with these ids.

import { Voices } from "./voices.js";

const AHEAD = 0.3; // seconds that notes are sent to the sound before they are heard
const NEAR = 0.12; // the same for MIDI, which takes back nothing
const HIDDEN = 1.5; // the same when the page is not seen, since browsers then wake it once a second

const TYPED = "input:not([type=range]), select, textarea";
const WORDS = { play: "Play", pause: "Pause", silent: "This browser plays no sound: " };

const find = (id) => document.getElementById(id);
const clock = (second) => `${Math.floor(second / 60)}:${String(Math.floor(second % 60)).padStart(2, "0")}`;

const between = (x, xs, ys) => {
  let n = 1;
  while (n < xs.length - 1 && x > xs[n]) n++;
  return ys[n - 1] + ((x - xs[n - 1]) * (ys[n] - ys[n - 1])) / (xs[n] - xs[n - 1]);
};

export class Player {
  // words: what its button says, and an error. failed: is told of an error.
  constructor(words = WORDS, failed = (text) => (find("status").textContent = text)) {
    Object.assign(this, { words, failed });
    this.out = null; // where notes go instead of the browser's own sound, see midiout.js
    this.playing = false;
    this.looping = false;
    this.speed = 1;
    this.loudness = 0.64;
    this.timer = 0;
    this._listen();
  }

  // A tune, in place of the one before. data: its notes, parts, bars, the second of each tick where the tempo changes
  // (`time`), and `scale`, the breadth of a tick. Its roll, with notes in their order, and its buttons are in the page.
  // begin: the second of it where we are.
  load(data, begin = 0) {
    if (this.playing) this.pause();
    const [ticks, seconds] = [data.time.map(([tick]) => tick), data.time.map(([, second]) => second)];
    this.secondAt = (tick) => between(tick, ticks, seconds);
    this.tickAt = (second) => between(second, seconds, ticks);
    this.data = data;
    this.parts = data.parts;
    this.total = seconds.at(-1);
    this.notes = data.notes.map(([start, length, pitch, velocity, part], n) => {
      return { begin: this.secondAt(start), end: this.secondAt(start + length), pitch, velocity, part, n };
    });
    this.notes.sort((a, b) => a.begin - b.begin);
    this.rects = document.querySelectorAll("#body .note");
    this.bars = data.bars.map(this.secondAt);
    this.voices?.close();
    this.voices = new Voices(data.parts);
    this.voices.volume(this.loudness);
    this.out?.begin(data.parts);
    this.origin = Math.min(begin, this.total); // the second of the tune that was heard at `since` of the sound's clock
    this.since = 0;
    this.next = 0; // of notes, the first not yet sent to the sound
    this.lit = new Set();
    this.seen = true; // the cursor was, when last drawn
    for (const button of find("parts").children) {
      button.addEventListener("click", (event) => {
        this.hear(button);
        if (event.detail) button.blur();
      });
    }
    this.draw();
  }

  get place() {
    const { playing, origin, voices, since, speed, total } = this;
    return playing ? Math.min(origin + Math.max(voices.now - since, 0) * speed, total) : origin;
  }

  send() {
    if (this.place >= this.total) {
      if (this.looping) return this.begin(0);
      this.pause();
      this.origin = 0;
      return this.draw();
    }
    const ahead = document.hidden ? HIDDEN : this.out ? NEAR : AHEAD;
    const until = this.place + ahead * this.speed;
    this.out?.end(performance.now() + 1000 * ahead);
    for (; this.next < this.notes.length && this.notes[this.next].begin < until; this.next++)
      this.sound(this.notes[this.next]);
  }

  sound(note, from = note.begin) {
    const [at, seconds] = [this.since + (from - this.origin) / this.speed, (note.end - from) / this.speed];
    if (this.out) this.out.play(note, performance.now() + 1000 * (at - this.voices.now), seconds);
    else this.voices.play(note, at, seconds);
  }

  silence() {
    this.voices?.silence();
    this.out?.silence();
  }

  // Notes go there from now on; to the browser's own sound if it is null.
  route(out) {
    const at = this.data ? this.place : 0;
    if (this.data) this.silence();
    this.out = out;
    if (!this.data) return;
    out?.begin(this.data.parts);
    out?.volume(this.loudness);
    if (this.playing) this.begin(at);
  }

  // Go on from a second of the tune, with what is sounding there.
  begin(second) {
    this.silence();
    this.origin = second;
    this.since = this.voices.now + 0.05;
    this.next = this.notes.findIndex((note) => note.begin >= second);
    if (this.next < 0) this.next = this.notes.length;
    for (const note of this.notes.slice(0, this.next)) {
      if (note.end > second + 0.05 && !this.data.parts[note.part].drums) this.sound(note, second);
    }
    this.send();
  }

  async play() {
    find("play").disabled = true;
    try {
      await this.voices.start();
    } catch (error) {
      this.failed(this.words.silent + error.message);
      return;
    } finally {
      find("play").disabled = false;
    }
    this.playing = true;
    find("play").textContent = this.words.pause;
    this.begin(this.origin >= this.total ? 0 : this.origin);
    clearInterval(this.timer);
    this.timer = setInterval(() => this.send(), 60);
    requestAnimationFrame(() => this.frame());
  }

  pause() {
    this.origin = this.place;
    this.playing = false;
    clearInterval(this.timer);
    this.silence();
    find("play").textContent = this.words.play;
    this.draw();
  }

  toggle() {
    if (!this.data || find("play").disabled) return;
    if (this.playing) this.pause();
    else this.play();
  }

  seek(second) {
    const to = Math.min(Math.max(second, 0), this.total);
    if (this.playing) this.begin(to);
    else this.origin = to;
    this.seen = true;
    this.draw();
  }

  turn(step) {
    const at = this.place;
    // A moment after a bar's beginning, back is to the one before.
    const passed = this.bars.filter((bar) => bar < at - (step < 0 ? 0.3 : -0.05));
    this.seek(step < 0 ? (passed.at(-1) ?? 0) : (this.bars[passed.length] ?? this.total));
  }

  loop() {
    this.looping = !this.looping;
    find("loop").setAttribute("aria-pressed", this.looping);
  }

  frame() {
    this.draw();
    if (this.playing) requestAnimationFrame(() => this.frame());
  }

  draw() {
    const { place: at, data, total, rects, lit } = this;
    const x = this.tickAt(at) * data.scale;
    find("cursor").style.transform = `translateX(${x}px)`;
    find("time").textContent = `${clock(at)} / ${clock(total)}`;
    find("seek").value = (1000 * at) / total;
    find("seek").setAttribute("aria-valuetext", clock(at));
    this.follow(x);
    const now = new Set();
    for (const { begin, end, part, n } of this.notes) {
      if (begin > at) break;
      if (this.playing && end > at && rects[n] && data.parts[part].heard) now.add(rects[n]);
    }
    for (const rect of lit) if (!now.has(rect)) rect.classList.remove("on");
    for (const rect of now) rect.classList.add("on");
    this.lit = now;
  }

  // Keep the cursor in sight, unless a person has scrolled away from it.
  follow(x) {
    const roll = find("roll");
    const room = roll.clientWidth - find("pitches").clientWidth;
    const visible = () => x >= roll.scrollLeft && x <= roll.scrollLeft + room;
    if (this.seen && (!visible() || (this.playing && x > roll.scrollLeft + 0.9 * room)))
      roll.scrollLeft = x - 0.15 * room;
    this.seen = visible();
  }

  hear(button) {
    const part = Number(button.dataset.part);
    const heard = !this.data.parts[part].heard;
    this.voices.hear(part, heard);
    this.out?.hear(part, heard);
    button.setAttribute("aria-pressed", heard);
    for (const { n, part: of } of this.notes) if (of === part) this.rects[n]?.classList.toggle("muted", !heard);
  }

  key(event) {
    const act = {
      " ": () => this.toggle(),
      ArrowLeft: () => this.turn(-1),
      ArrowRight: () => this.turn(1),
      Home: () => this.seek(0),
      l: () => this.loop(),
    }[event.key];
    // What has this key for itself.
    const own = { " ": `button, a, summary, ${TYPED}`, l: TYPED }[event.key] ?? "input, select, textarea";
    if (!act || !this.data || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.target.matches(own)) return;
    event.preventDefault();
    if (!event.repeat || event.key.startsWith("Arrow")) act();
  }

  _listen() {
    const click = (id, act) =>
      find(id).addEventListener("click", (event) => {
        act();
        if (event.detail) find(id).blur();
      });
    click("play", () => this.toggle());
    click("loop", () => this.loop());
    find("body").addEventListener("click", (event) => {
      if (!this.data) return;
      this.seek(this.secondAt((event.clientX - find("body").getBoundingClientRect().left) / this.data.scale));
    });
    find("seek").addEventListener("input", () => this.data && this.seek((find("seek").value / 1000) * this.total));
    find("tempo").addEventListener("input", () => {
      const at = this.data ? this.place : 0;
      this.speed = find("tempo").value / 100;
      find("speed").textContent = `${find("tempo").value} %`;
      if (this.playing) this.begin(at);
    });
    find("volume").addEventListener("input", () => {
      this.loudness = (find("volume").value / 100) ** 2;
      this.voices?.volume(this.loudness);
      this.out?.volume(this.loudness);
    });
    this.heard = (event) => this.key(event);
    addEventListener("keydown", this.heard);
  }

  // The tune is left: nothing is played until the next is loaded.
  leave() {
    if (this.playing) this.pause();
    this.data = null;
  }

  // The page is left.
  close() {
    if (this.playing) this.pause();
    this.voices?.close();
    removeEventListener("keydown", this.heard);
  }
}
