// What all pages have, exported ones and the studio: elements, work in slices, downloads, seeds.

const SLICE = 12; // ms of work at a time: the page stays quick

export const $ = (id) => document.getElementById(id);

// An element with attributes and children. An attribute that is a function listens to the event of its name.
export function element(name, attributes = {}, ...children) {
  const found = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") found.addEventListener(key, value);
    else if (key === "class") found.className = value;
    else found.setAttribute(key, value);
  }
  found.append(...children);
  return found;
}

// Lets the browser do what it has to.
const channel = new MessageChannel();
const waiting = [];
channel.port1.onmessage = () => waiting.shift()();
export const pause = () => new Promise((resolve) => {
  waiting.push(resolve);
  channel.port2.postMessage(null);
});
export const frame = () => new Promise((resolve) => {
  if (document.hidden) setTimeout(resolve, 50);
  else requestAnimationFrame(resolve);
});

// Does work, without blocking the page: step() again and again, until it returns false; after each slice, paint().
// signal: aborts it. slice: steps in a slice, at the most.
export async function work(step, paint, signal, slice = Infinity) {
  for (let going = true; going && !signal.aborted; ) {
    const end = performance.now() + SLICE;
    for (let n = 0; going && n < slice && performance.now() < end; n++) going = step() !== false;
    paint();
    await (slice === Infinity ? pause() : frame());
  }
}

// Gives the person a file.
export function save(name, contents, type) {
  const url = URL.createObjectURL(new Blob([contents], { type }));
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

// A whole number for a new seed.
export const freshSeed = () => crypto.getRandomValues(new Uint32Array(1))[0];

// The seed that is set: `1e6` is a number, too.
export function chosenSeed() {
  const { value } = $("seed");
  return BigInt(/^\d+$/.test(value) ? value : Math.round(Number(value)) || 0);
}
