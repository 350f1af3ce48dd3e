// Texts for a model that writes them by hand: in its own characters, and in lines. The twin of `ink.spelling`, `ink.wrap`.

const PLAIN = new Map([
  ...[..."\u2018\u2019\u201a\u2032`\u00b4"].map((c) => [c, "'"]),
  ...[..."\u201c\u201d\u201e\u00ab\u00bb\u2033"].map((c) => [c, '"']),
  ...[..."\u2010\u2011\u2012\u2013\u2014\u2212"].map((c) => [c, "-"]),
  ...Object.entries({
    "\u2044": "/", ß: "ss", æ: "ae", œ: "oe", ø: "o", ł: "l", đ: "d", Æ: "AE", Œ: "OE", Ø: "O", Ł: "L",
  }),
]);
const plain = (text) => [...text].map((c) => PLAIN.get(c) ?? c).join("");

// What Python takes for white space and for ends of lines.
const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const RUNS = new RegExp(`[${SPACE}]+|[^${SPACE}]+`, "gu");
const BEFORE = new RegExp(`^[${SPACE}]+`, "u");
const AFTER = new RegExp(`[${SPACE}]+$`, "u");
const BLANK = new RegExp(`^[${SPACE}]*$`, "u");
const BLANKS = /[\t-\r\x1c-\x20\x85\u1680\u2000-\u2006\u2008-\u200a\u2028\u2029\u205f\u3000]+/u;
const NEAR = new RegExp(`^(?:(?![\\n\\f])[${SPACE}])+`, "u"); // what is in the same line
const ENDS = /\r\n|[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]/u;
const TAB = 4;

const swapped = (c) => (c.toUpperCase() === c ? c.toLowerCase() : c.toUpperCase());

// Without accents and typography, perhaps of several characters, in those that are known.
function nearest(character, known) {
  const found = [...plain(plain(character).normalize("NFKD"))];
  return found.map((c) => (known.has(c) ? c : known.has(swapped(c)) ? swapped(c) : "")).join("");
}

// The text in the characters of an alphabet, and what was changed: character → what is written for it, or nothing.
export function spelled(text, alphabet) {
  const known = new Set(alphabet);
  const changed = new Map();
  let out = "";
  let gone = false; // whether nothing is left of the word before
  for (let run of text.match(RUNS) ?? []) {
    if (BLANK.test(run)) {
      // One of the blanks around a word that is gone is enough.
      if (gone && BLANK.test(out.slice(-1))) run = run.replace(NEAR, "");
      out += run;
      continue;
    }
    let word = "";
    for (const character of run) {
      const found = known.has(character) ? character : nearest(character, known);
      if (found !== character) changed.set(character, found);
      word += found;
    }
    gone = !word;
    out += word;
  }
  return { text: out, changed };
}

// Lines to be written one below the other: of each the text, how many empty lines are above it (Infinity: a new page),
// and by how many characters it is moved to the right.
export function lines(text) {
  const found = [];
  let above = 0;
  text.split("\f").forEach((page, number) => {
    if (number) above = Infinity;
    const given = page.split(ENDS);
    if (given.at(-1) === "") given.pop();
    for (const line of given) {
      const words = line.replace(BEFORE, "").replace(AFTER, "");
      if (!words) {
        above += 1;
        continue;
      }
      let indent = 0;
      for (const c of line.match(BEFORE)?.[0] ?? "") indent += c === "\t" ? TAB - (indent % TAB) : 1;
      found.push({ words: words.split(BLANKS), above: found.length ? above : 0, indent });
      above = 0;
    }
  });
  const columns = expanded(text);
  return found.map(({ words, above: over, indent }) => {
    const most = Math.min(indent, Math.floor(columns / 2), columns - width(words[0]));
    return { text: words.join(" ").replace(new RegExp(`[${SPACE}]`, "gu"), " "), above: over, indent: most };
  });
}

// The same text in lines of at most so many characters, broken between words.
export function broken(text, longest) {
  return text.split(/(\n|\f)/u).map((line) => line.split(" ").reduce((out, word) => {
    const last = out.slice(out.lastIndexOf("\n") + 1);
    return `${out}${[...last].length + 1 + [...word].length > longest && last.trim() ? "\n" : " "}${word}`;
  })).join("");
}

// Characters, accents that combine not counted.
const width = (word) => [...word].filter((c, at) => !(at && /\p{M}/u.test(c))).length;

// Characters of a text whose tabs are as many blanks as they stand for.
function expanded(text) {
  let [total, column] = [0, 0];
  for (const c of text) {
    const more = c === "\t" ? TAB - (column % TAB) : 1;
    column = c === "\n" || c === "\r" ? 0 : column + more;
    total += more;
  }
  return total;
}

// A text as symbols, of which the last is its end.
export function symbols(text, alphabet) {
  const places = new Map([...alphabet].map((c, n) => [c, n]));
  return [...[...text].map((c) => places.get(c)), places.size];
}
