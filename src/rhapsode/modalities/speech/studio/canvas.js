// The picture of a take: the spectrogram of its sound, the F0 over it, seconds below.

import { work } from "../../../export/page/dom.js";
import { STEP, Spectrogram } from "./spectrogram.js";

const BELOW = 18; // px for the seconds
const ROOM = 4; // semitones above the highest F0, and below the lowest
const LEAST = 12; // semitones of the scale
const FONT = "11px system-ui, sans-serif";

const parsed = (pen, colour) => {
  pen.fillStyle = colour;
  return [1, 3, 5].map((at) => parseInt(pen.fillStyle.slice(at, at + 2), 16));
};
const mix = (one, other, share) => one.map((value, n) => value + share * (other[n] - value));

// The spectrogram of one sentence as an image, computed beside all else.
class Tile {
  constructor(sentence, rate, palette, changed) {
    this.samples = sentence.samples;
    this.times = sentence.times.slice();
    this.spectrogram = new Spectrogram(sentence.samples, rate);
    this.canvas = new OffscreenCanvas(Math.max(1, this.spectrogram.columns), this.spectrogram.rows);
    this.pen = this.canvas.getContext("2d");
    this.painted = 0;
    this.stopped = new AbortController();
    const done = work(
      () => this.spectrogram.step(),
      () => this.#paint(palette()),
      this.stopped.signal,
    );
    this.ready = done.then(() => {
      if (!this.stopped.signal.aborted) this.repaint(palette());
      changed();
    });
  }

  get whole() {
    return this.spectrogram.done >= this.spectrogram.columns;
  }

  stop() {
    this.stopped.abort();
  }

  // In other colours; also when the loudest moment has been found.
  repaint(palette) {
    this.painted = 0;
    this.#paint(palette);
  }

  #paint(palette) {
    const { rows, done, loudest } = this.spectrogram;
    const count = done - this.painted;
    if (count <= 0) return;
    const image = new ImageData(count, rows);
    const pixels = new Uint32Array(image.data.buffer);
    for (let column = 0; column < count; column++) {
      for (let row = 0; row < rows; row++) {
        pixels[(rows - 1 - row) * count + column] = palette[this.spectrogram.level(this.painted + column, row, loudest)];
      }
    }
    this.pen.putImageData(image, this.painted, 0);
    this.painted = done;
  }
}

export class Canvas {
  #colours = null;
  #tiles = new Map(); // sentence → what is drawn of it
  #coming = new Map(); // sentence → what will be
  #asked = 0;

  // element: a canvas. changed: is called when there is more to see.
  constructor(element, changed) {
    this.element = element;
    this.pen = element.getContext("2d");
    this.changed = changed;
    this.take = null;
    this.range = [80, 320]; // Hz at the bottom and at the top
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.recolour = () => {
      this.#colours = null;
      for (const tile of this.#tiles.values()) tile.repaint(this.#palette());
      this.changed();
    };
    this.dark.addEventListener("change", this.recolour);
  }

  close() {
    this.dark.removeEventListener("change", this.recolour);
    this.#forget();
  }

  #forget() {
    for (const one of [...this.#tiles.values(), ...this.#coming.values()]) one.stop();
    this.#tiles.clear();
    this.#coming.clear();
  }

  // Another take, or none.
  show(take) {
    this.#forget();
    this.take = take;
    this.fit();
    this.heard();
  }

  // The F0 that there is, with some room, is what the scale has.
  fit() {
    const all = (this.take?.sentences ?? []).flatMap((one) => Array.from(one.hertz).filter((hertz) => hertz > 0));
    if (!all.length) return;
    all.sort((one, other) => one - other);
    let low = Math.log2(all[Math.floor(0.01 * all.length)]) - ROOM / 12;
    let high = Math.log2(all.at(-1)) + ROOM / 12;
    const missing = LEAST / 12 - (high - low);
    if (missing > 0) [low, high] = [low - missing / 2, high + missing / 2];
    this.range = [2 ** low, 2 ** high];
  }

  // Computes the picture of each sentence whose sound is new.
  async heard() {
    for (const one of this.take?.sentences ?? []) {
      if ((this.#coming.get(one) ?? this.#tiles.get(one))?.samples === one.samples) continue;
      this.#coming.get(one)?.stop();
      const tile = new Tile(one, this.take.rate, () => this.#palette(), () => this.changed());
      if (!this.#tiles.has(one)) this.#tiles.set(one, tile); // seen as it is computed
      else this.#coming.set(one, tile);
      const { take } = this;
      await tile.ready;
      if (take !== this.take) return;
      if (this.#coming.get(one) === tile) {
        this.#coming.delete(one);
        this.#tiles.set(one, tile);
      }
      this.changed();
    }
    this.done?.();
  }

  #theme() {
    if (this.#colours) return this.#colours;
    const style = getComputedStyle(document.documentElement);
    const named = (name) => style.getPropertyValue(`--${name}`).trim();
    const found = Object.fromEntries(["paper", "text", "accent", "hot", "quiet", "line"].map((name) => [name, named(name)]));
    const [paper, text, accent] = [found.paper, found.text, found.accent].map((one) => parsed(this.pen, one));
    const palette = Uint32Array.from({ length: 256 }, (_, level) => {
      const share = level / 255;
      const [r, g, b] = share < 0.6 ? mix(paper, mix(paper, accent, 0.75), share / 0.6) : mix(mix(paper, accent, 0.75), text, (share - 0.6) / 0.4);
      return (255 << 24) | (b << 16) | (g << 8) | r;
    });
    this.#colours = { ...found, palette };
    return this.#colours;
  }

  #palette() {
    return this.#theme().palette;
  }

  get tall() {
    return this.element.clientHeight - BELOW;
  }

  // px from the top for Hz, and back; px for a semitone.
  up(hertz) {
    const [low, high] = this.range;
    return this.tall * (1 - Math.log2(hertz / low) / Math.log2(high / low));
  }

  get semitone() {
    const [low, high] = this.range;
    return this.tall / (12 * Math.log2(high / low));
  }

  // begin: the second at the left edge. zoom: px of a second. selection: [begin, end] in seconds, or null.
  draw(begin, zoom, selection) {
    const { element, pen, take } = this;
    const { clientWidth: width, clientHeight: height } = element;
    const scale = devicePixelRatio || 1;
    const [wide, high] = [Math.round(width * scale), Math.round(height * scale)];
    if (element.width !== wide || element.height !== high) Object.assign(element, { width: wide, height: high });
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    const colours = this.#theme();
    pen.fillStyle = colours.paper;
    pen.fillRect(0, 0, width, height);
    if (!take?.sentences) return;
    const at = (second) => (second - begin) * zoom;
    pen.save();
    pen.beginPath();
    pen.rect(0, 0, width, this.tall);
    pen.clip();
    let offset = 0;
    for (const one of take.sentences) {
      if (at(offset) < width && at(offset + one.seconds) > 0) this.#tile(one, at(offset), zoom, width);
      offset += one.seconds;
    }
    if (selection) {
      pen.globalAlpha = 0.16;
      pen.fillStyle = colours.accent;
      pen.fillRect(at(selection[0]), 0, (selection[1] - selection[0]) * zoom, this.tall);
      pen.globalAlpha = 1;
    }
    offset = 0;
    for (const [n, one] of take.sentences.entries()) {
      if (at(offset) < width && at(offset + one.seconds) > 0) this.#line(one, at(offset), zoom, width, colours);
      if (n) {
        pen.fillStyle = colours.quiet;
        pen.fillRect(at(offset), 0, 1, this.tall);
      }
      offset += one.seconds;
    }
    pen.restore();
    this.#scales(begin, zoom, width, offset, colours);
  }

  // While phones are dragged, the picture of the sound before is stretched as they are.
  #tile(sentence, left, zoom, width) {
    const tile = this.#tiles.get(sentence);
    if (!tile) return;
    const { pen } = this;
    const { canvas, times } = tile;
    const put = (from, to, x, wide) => {
      if (x > width || x + wide < 0 || to <= from) return;
      pen.drawImage(canvas, from / STEP, 0, (to - from) / STEP, canvas.height, x, 0, wide, this.tall);
    };
    if (times.every((time, n) => time === sentence.times[n])) {
      put(0, Math.min(times.at(-1), canvas.width * STEP), left, Math.min(times.at(-1), canvas.width * STEP) * zoom);
      return;
    }
    for (let n = 0; n + 1 < times.length; n++) {
      put(times[n], times[n + 1], left + sentence.times[n] * zoom, sentence.lasts(n) * zoom + 0.5);
    }
  }

  #line(sentence, left, zoom, width, colours) {
    const { pen } = this;
    const { hertz, hop } = sentence;
    const first = Math.max(0, Math.floor(-left / zoom / hop) - 1);
    const last = Math.min(hertz.length - 1, Math.ceil((width - left) / zoom / hop) + 1);
    const path = new Path2D();
    let down = false;
    for (let n = first; n <= last; n++) {
      if (!hertz[n]) {
        down = false;
        continue;
      }
      const [x, y] = [left + n * hop * zoom, this.up(hertz[n])];
      if (down) path.lineTo(x, y);
      else path.moveTo(x, y);
      down = true;
    }
    pen.lineJoin = pen.lineCap = "round";
    const fine = zoom < 100; // px of a second: far away
    pen.strokeStyle = colours.paper;
    pen.lineWidth = fine ? 3 : 5;
    pen.stroke(path);
    pen.strokeStyle = colours.hot;
    pen.lineWidth = fine ? 1.5 : 2.5;
    pen.stroke(path);
  }

  #scales(begin, zoom, width, seconds, colours) {
    const { pen } = this;
    pen.font = FONT;
    pen.lineWidth = 3;
    pen.strokeStyle = colours.paper;
    pen.textBaseline = "middle";
    const text = (words, x, y, colour, align) => {
      pen.textAlign = align;
      pen.strokeText(words, x, y);
      pen.fillStyle = colour;
      pen.fillText(words, x, y);
    };
    const [low, high] = this.range;
    const round = [50, 75, 100, 150, 200, 300, 400, 600, 800].filter((hertz) => hertz > low * 1.04 && hertz < high / 1.04);
    for (const hertz of round) text(`${hertz} Hz`, width - 6, this.up(hertz), colours.text, "right");
    const highest = this.#tiles.values().next().value?.spectrogram.highest ?? 8000;
    for (let kilo = 2; kilo * 1000 < highest; kilo += 2) {
      text(`${kilo} kHz`, 6, this.tall * (1 - (kilo * 1000) / highest), colours.quiet, "left");
    }
    const step = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10].find((one) => one * zoom > 56) ?? 20;
    const digits = step < 0.1 ? 2 : step < 1 ? 1 : 0;
    const end = Math.min(begin + width / zoom, seconds + step / 2);
    for (let n = Math.ceil(begin / step); n * step <= end; n++) {
      const x = (n * step - begin) * zoom;
      pen.fillStyle = colours.line;
      pen.fillRect(x, this.tall, 1, 4);
      text(`${(n * step).toFixed(digits)} s`, x < 14 ? 2 : x, this.tall + 10, colours.quiet, x < 14 ? "left" : "center");
    }
  }

  // A small picture of all of it, as an address.
  thumbnail(width, height) {
    const small = element2d(width, height);
    const pen = small.getContext("2d");
    pen.fillStyle = this.#theme().paper;
    pen.fillRect(0, 0, width, height);
    const whole = this.take.seconds;
    let offset = 0;
    for (const one of this.take.sentences) {
      const tile = this.#tiles.get(one);
      if (tile) pen.drawImage(tile.canvas, (offset / whole) * width, 0, (one.seconds / whole) * width, height);
      offset += one.seconds;
    }
    return small.toDataURL("image/jpeg", 0.7); // a fifth of PNG: works keep it, and browsers keep little
  }
}

function element2d(width, height) {
  const found = document.createElement("canvas");
  Object.assign(found, { width, height });
  return found;
}
