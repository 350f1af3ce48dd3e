// Ink that comes as a hand writes it: the paths of a drawing, each in its time.

const SVG = "http://www.w3.org/2000/svg";

// An element of SVG.
export function shape(name, attributes = {}, ...children) {
  const found = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) found.setAttribute(key, value);
  found.append(...children);
  return found;
}

// Whether the person's system asks for less motion.
export const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

export class Film {
  // paths: elements, in the order of writing. times: of each when it begins and how long it takes, in seconds. told: is
  // called with the seconds that have gone, as they go, and whether it plays.
  constructor(paths, times, told = () => {}) {
    Object.assign(this, { paths, times, told, at: 0, speed: 1, frame: null, shown: 0 });
    this.length = times.reduce((most, [begins, takes]) => Math.max(most, begins + takes), 0);
    this.dots = paths.map((path) => path.getAttribute("d").endsWith("h0"));
    for (const path of paths) path.setAttribute("pathLength", "1");
    this.seek(this.length);
  }

  get playing() {
    return this.frame !== null;
  }

  // Goes on from here; from the beginning, if all is drawn. speed: 1 as a hand.
  play(speed = this.speed) {
    this.speed = speed;
    this.#halt();
    if (this.at >= this.length) this.seek(0);
    let last = performance.now();
    const go = (now) => {
      const at = this.at + (Math.max(0, now - last) / 1000) * this.speed;
      last = now;
      this.frame = at < this.length ? requestAnimationFrame(go) : null;
      this.seek(Math.min(at, this.length));
    };
    this.frame = requestAnimationFrame(go);
    this.told(this.at, true);
  }

  pause() {
    this.#halt();
    this.told(this.at, false);
  }

  // Shows what is there after so many seconds.
  seek(seconds) {
    this.at = seconds;
    this.paths.forEach((path, n) => {
      const [begins, takes] = this.times[n];
      const part = Math.min(1, Math.max(0, (seconds - begins) / Math.max(takes, 0.001)));
      if (path.part === part) return;
      path.part = part;
      const whole = part === 1 || this.dots[n];
      path.style.visibility = part > 0 ? "" : "hidden";
      path.style.strokeDasharray = whole ? "" : "1 2";
      path.style.strokeDashoffset = whole ? "" : String(1.001 - part);
    });
    this.told(seconds, this.playing);
  }

  #halt() {
    if (this.frame !== null) cancelAnimationFrame(this.frame);
    this.frame = null;
  }
}

const SPEED = 20; // x-heights a second; twice that in the air
const REST = 0.04; // seconds between two strokes, at least,
const FLIGHT = 0.5; // and at most
const DOT = 0.05; // seconds that a stroke takes, at least

// The paths of a drawing of `ink.svg` that is in the page: of each stroke, its paths one after the other.
export function strokesOf(svg) {
  const found = new Map();
  for (const path of svg.querySelectorAll("g path")) {
    const whole = path.closest("[data-rhapsode-stroke]") ?? path;
    found.set(whole, [...(found.get(whole) ?? []), path]);
  }
  return [...found.values()];
}

// When each stroke of a drawing in the page begins and how long it takes, in seconds, as in `ink.svg`: and a film of it.
export function filmOf(svg, xHeight, told) {
  const [paths, times, strokes] = [[], [], []];
  let [at, last] = [0, null];
  for (const parts of strokesOf(svg)) {
    const lengths = parts.map((path) => path.getTotalLength());
    const first = parts[0].getPointAtLength(0);
    if (last) at += Math.min(REST + Math.hypot(first.x - last.x, first.y - last.y) / (2 * SPEED * xHeight), FLIGHT);
    const all = lengths.reduce((one, other) => one + other, 0);
    const takes = Math.max(all / (SPEED * xHeight), DOT);
    strokes.push([at, takes]);
    parts.forEach((path, n) => {
      const share = all ? lengths[n] / all : 1 / parts.length;
      paths.push(path);
      times.push([at, share * takes]);
      at += share * takes;
    });
    last = parts.at(-1).getPointAtLength(lengths.at(-1));
  }
  return Object.assign(new Film(paths, times, told), { strokes });
}
