// A work: a text, and all that it was. Each node is a text: its parent's with one change, by a person or by a model.
//
// node: { id, parent, at, drop, text, by, request, changed }
//   at:      where the change begins in the parent's text, in code units of UTF-16
//   drop:    how many code units of the parent's text are left out there
//   text:    what is put in their place
//   by:      PERSON or MODEL
//   request: of a model, what it was asked, with the seed: the same request gives the same text again
//   changed: milliseconds since 1970

export const PERSON = 0;
export const MODEL = 1;
const LARGEST = 2 ** 40; // numbers of nodes, and places: so that all of them have a next one
const PAUSE = 1500; // ms after which what a person types is a change of its own

const splits = (text, at) => /[\ud800-\udbff]/.test(text[at - 1] ?? "") && /[\udc00-\udfff]/.test(text[at] ?? "");

// The one change that makes `after` of `before`: { at, drop, text }. Characters of two code units stay whole.
export function difference(before, after) {
  const most = Math.min(before.length, after.length);
  let at = 0;
  while (at < most && before[at] === after[at]) at++;
  if (splits(before, at) || splits(after, at)) at--;
  let same = 0;
  while (same < most - at && before[before.length - 1 - same] === after[after.length - 1 - same]) same++;
  if (splits(before, before.length - same) || splits(after, after.length - same)) same--;
  return { at, drop: before.length - same - at, text: after.slice(at, after.length - same) };
}

export class Tree {
  constructor() {
    this.nodes = new Map([[0, { id: 0, parent: null, at: 0, drop: 0, text: "", by: PERSON, changed: 0 }]]);
    this.here = 0;
    this.children = new Map([[0, []]]);
    this.last = new Map(); // node → the child that was left last
    this.known = new Map(); // node → its text
  }

  get node() {
    return this.nodes.get(this.here);
  }

  // The text of a node.
  text(id = this.here) {
    const path = [];
    let text;
    for (let at = id; text === undefined; at = this.nodes.get(at).parent) {
      text = at === 0 ? "" : this.known.get(at);
      if (text === undefined) path.push(at);
    }
    for (const each of path.reverse()) {
      const node = this.nodes.get(each);
      text = text.slice(0, node.at) + node.text + text.slice(node.at + node.drop);
    }
    if (id !== 0) this.#remember(id, text);
    return text;
  }

  #remember(id, text) {
    this.known.delete(id);
    this.known.set(id, text);
    if (this.known.size > 16) this.known.delete(this.known.keys().next().value);
  }

  // Whose each code unit of a node's text is: Uint8Array of PERSON and MODEL.
  authors(id = this.here) {
    const path = [];
    for (let at = id; at !== null; at = this.nodes.get(at).parent) path.push(this.nodes.get(at));
    let runs = []; // [author, length]
    for (const node of path.reverse()) {
      const before = cut(runs, 0, node.at);
      const after = cut(runs, node.at + node.drop, Infinity);
      runs = [...before, ...(node.text ? [[node.by, node.text.length]] : []), ...after];
    }
    const found = new Uint8Array(runs.reduce((sum, [, length]) => sum + length, 0));
    let at = 0;
    for (const [by, length] of runs) found.fill(by, at, (at += length));
    return found;
  }

  // A new node below this one, to which one goes.
  add(change) {
    let id = 0; // there may be more nodes than a call takes
    for (const one of this.nodes.keys()) id = Math.max(id, one);
    id++;
    this.nodes.set(id, { id, parent: this.here, changed: Date.now(), ...change });
    this.children.set(id, []);
    this.children.get(this.here).push(id);
    this.go(id);
    return id;
  }

  // The text is this now, by a person's hand. Typing on is one change, until one pauses.
  edit(text) {
    const before = this.text();
    if (text === before) return;
    const change = difference(before, text);
    const node = this.node;
    const inside = change.at >= node.at && change.at + change.drop <= node.at + node.text.length;
    const going = node.by === PERSON && this.here !== 0 && !this.children.get(this.here).length;
    if (going && inside && Date.now() - node.changed < PAUSE) {
      const at = change.at - node.at;
      node.text = node.text.slice(0, at) + change.text + node.text.slice(at + change.drop);
      node.changed = Date.now();
      this.#remember(this.here, text);
    } else this.add({ ...change, by: PERSON });
  }

  // More of what a node's model writes.
  grow(id, text) {
    const known = this.known.get(id);
    const node = this.nodes.get(id);
    const end = node.at + node.text.length;
    node.text += text;
    node.changed = Date.now();
    if (known !== undefined) this.#remember(id, known.slice(0, end) + text + known.slice(end));
  }

  go(id) {
    for (let at = id; at !== 0; at = this.nodes.get(at).parent) this.last.set(this.nodes.get(at).parent, at);
    this.here = id;
  }

  // A node without text and without branches is nothing.
  prune(id) {
    const node = this.nodes.get(id);
    if (!node || id === 0 || node.text || node.drop || this.children.get(id).length) return;
    const siblings = this.children.get(node.parent);
    siblings.splice(siblings.indexOf(id), 1);
    this.nodes.delete(id);
    this.children.delete(id);
    this.known.delete(id); // its number may be another node's
    this.last.delete(node.parent);
    if (this.here === id) this.here = node.parent;
  }

  get undone() {
    return this.last.get(this.here) ?? this.children.get(this.here).at(-1) ?? null;
  }

  undo() {
    if (this.here !== 0) this.here = this.node.parent;
  }

  redo() {
    if (this.undone !== null) this.go(this.undone);
  }

  // The branch beside this one: the nearest change on the way here that has others beside it. step: 1 or -1.
  beside(step) {
    for (let at = this.here; at !== 0; at = this.nodes.get(at).parent) {
      const siblings = this.children.get(this.nodes.get(at).parent);
      const next = siblings[siblings.indexOf(at) + step];
      if (next !== undefined) return this.tip(next);
    }
    return null;
  }

  // Where one was last, on from a node.
  tip(id) {
    let at = id;
    for (let next; (next = this.last.get(at) ?? this.children.get(at)[0]) !== undefined; ) at = next;
    return at;
  }

  // The nodes in the order in which a tree is drawn: { node, depth, here, way }. Only where there are several branches
  // is the next one further in. way: whether it is on the way to where one is.
  outline() {
    const way = new Set();
    for (let at = this.here; at !== null; at = this.nodes.get(at).parent) way.add(at);
    const found = [];
    const stack = [[0, 0]];
    while (stack.length) {
      const [id, depth] = stack.pop();
      found.push({ node: this.nodes.get(id), depth, here: id === this.here, way: way.has(id) });
      const children = this.children.get(id);
      const further = depth + (children.length > 1 ? 1 : 0);
      for (const child of [...children].reverse()) stack.push([child, further]);
    }
    return found;
  }

  // The first line of the text.
  get title() {
    return this.text().trim().split("\n")[0].slice(0, 80);
  }

  toJSON() {
    const nodes = [...this.nodes.values()].filter(({ id }) => id !== 0);
    return { here: this.here, nodes };
  }

  // The tree of what `toJSON` gave. Throws an Error that says why it cannot be.
  static from(saved) {
    if (!Array.isArray(saved?.nodes)) throw new Error("it has no changes");
    const tree = new Tree();
    const lengths = new Map([[0, 0]]);
    for (const each of saved.nodes) {
      const { id, parent, at, drop, text, by, request = null, changed = 0 } = each;
      const whole = [id, parent, at, drop].every((n) => Number.isInteger(n) && n >= 0 && n < LARGEST);
      const length = lengths.get(parent);
      if (!whole || id === 0 || tree.nodes.has(id) || length === undefined || at + drop > length) {
        throw new Error(`its change ${id} fits no text`);
      }
      if (typeof text !== "string" || ![PERSON, MODEL].includes(by)) throw new Error(`its change ${id} is none`);
      lengths.set(id, length - drop + text.length);
      tree.nodes.set(id, { id, parent, at, drop, text, by, request, changed });
      tree.children.set(id, []);
      tree.children.get(parent).push(id);
    }
    if (!tree.nodes.has(saved.here)) throw new Error("the place where it was left is not there");
    tree.go(saved.here);
    return tree;
  }
}

// The part of runs from code unit `begin` to before `end`.
function cut(runs, begin, end) {
  const found = [];
  let at = 0;
  for (const [by, length] of runs) {
    const from = Math.max(begin, at);
    const to = Math.min(end, at + length);
    if (to > from) found.push([by, to - from]);
    at += length;
  }
  return found;
}
