// Works that the browser keeps, so that nothing typed is lost: a line about each, and each by itself.

const INDEX = "rhapsode.works";
const key = (id) => `rhapsode.work.${id}`;

const read = (name, otherwise) => {
  try {
    return JSON.parse(localStorage.getItem(name)) ?? otherwise;
  } catch {
    return otherwise;
  }
};

// Other programs on this machine may have the same store (that of a host and a port), and write into it.
const isLine = (one) => ["id", "model", "view", "title"].every((name) => typeof one?.[name] === "string") && Number.isFinite(one.changed);

// Lines about works, the last changed one first: { id, model, view, title, changed }.
export function works() {
  const found = read(INDEX, []);
  return Array.isArray(found) ? found.filter(isLine).sort((one, other) => other.changed - one.changed) : [];
}

export const work = (id) => read(key(id), null);

// When a work was kept last, in ms since 1970; undefined if it is not there.
export const changed = (id) => works().find((one) => one.id === id)?.changed;

// Returns when it was kept. Throws if the browser has no room.
export function keep(about, contents) {
  localStorage.setItem(key(about.id), JSON.stringify(contents));
  const others = works().filter((one) => one.id !== about.id);
  const line = { ...about, changed: Date.now() };
  localStorage.setItem(INDEX, JSON.stringify([line, ...others]));
  return line.changed;
}

export function forget(id) {
  localStorage.removeItem(key(id));
  localStorage.setItem(INDEX, JSON.stringify(works().filter((one) => one.id !== id)));
}

export const freshId = () => Array.from(crypto.getRandomValues(new Uint32Array(2)), (n) => n.toString(36)).join("");

// Settings of a page, which it has again when it is opened the next time.
export function settings(view) {
  const found = read(`rhapsode.settings.${view}`, {});
  return typeof found === "object" && !Array.isArray(found) ? found : {};
}
export function keepSettings(view, values) {
  try {
    localStorage.setItem(`rhapsode.settings.${view}`, JSON.stringify(values));
  } catch {
    // They are the usual ones the next time.
  }
}

// A model has another name now: its works stay its own.
export function renamed(from, to) {
  const moved = works().map((one) => (one.model === from ? { ...one, model: to } : one));
  try {
    localStorage.setItem(INDEX, JSON.stringify(moved));
  } catch {
    return; // nothing is kept here
  }
  const { [from]: used, ...others } = settings("used");
  keepSettings("used", { ...others, ...(used && { [to]: used }) });
}
