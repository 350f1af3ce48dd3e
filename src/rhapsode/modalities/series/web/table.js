// A table that a person pasted → series, by the columns' contents. It reads what `rhapsode forecast` reads of most
// tables: a column of times, columns of numbers, and columns of text that tell series apart.

const DELIMITERS = [",", ";", "\t", "|"];
const MISSING = new Set(["", "na", "n/a", "nan", "null", "none", "-", "?", ".", "#n/a", "missing"]);
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const THOUSANDS = /^[+-]?\d{1,3}(,\d{3})+(\.\d*)?$/;
const COMMA = /^[+-]?\d*,\d+(e[+-]?\d+)?$/i;
const [FIT, NUMERIC] = [0.9, 0.7]; // parts of a column's cells that are times, or numbers, at least
const SPARSE = 20;
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

// forms: regular expressions of times. Returns { series: [{ name, start, values }], notes }. Throws an Error, which
// says to a person what is wrong.
export function read(text, frequency, forms) {
  const delimiter = DELIMITERS.reduce((best, each) => (width(text, each) > width(text, best) ? each : best));
  const rows = cells(text, delimiter).filter((row) => row.some(Boolean) && !row[0].startsWith("#"));
  if (!rows.length) throw new Error("There is nothing. Paste a table: names of columns, then rows of numbers.");
  const comma = delimiter !== "," && usesCommas(rows);
  const number = (cell) => asNumber(cell, comma);
  const named =
    rows.length > 1 && rows[0].every((cell) => Number.isNaN(number(cell)) || MISSING.has(cell.toLowerCase()));
  const names = named ? rows.shift() : rows[0].map((_, n) => `column ${n + 1}`);
  const whole = rows.filter((row) => row.length === names.length);
  const notes =
    whole.length < rows.length
      ? [`${rows.length - whole.length} rows have not ${names.length} cells, and are left out`]
      : [];
  const columns = names.map((name, n) =>
    column(
      name,
      whole.map((row) => row[n]),
      number,
      forms,
    ),
  );
  const time = columns.find(({ times }) => times);
  const keys = columns.filter((one) => one !== time && !one.numbers);
  const values = columns.filter(
    (one) => one !== time && one.numbers && new Set(one.numbers.filter((x) => !Number.isNaN(x))).size > 1,
  );
  if (!values.length)
    throw new Error("No column has numbers that change. Paste a table with a column of numbers, and one of times.");
  if (!time && frequency.unit !== "number")
    throw new Error("No column has times, such as 2024-01-31. The model's values have.");
  const groups = new Map();
  whole.forEach((_, row) => {
    const key = time && keys.map(({ texts }) => texts[row]).join(" ");
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(row);
  });
  const series = [...groups]
    .flatMap(([key, its]) =>
      placed(its, time?.times, frequency, notes).flatMap(({ start, places }) =>
        values.map(({ name, numbers }) =>
          one([key, (values.length > 1 || !key) && name].filter(Boolean).join(" "), start, places, numbers, frequency),
        ),
      ),
    )
    .filter(Boolean);
  if (!series.length) throw new Error(notes[0] ?? "No series has three values or more.");
  return { series, notes };
}

// How many cells the first lines have that have most.
const width = (text, delimiter) => {
  const counts = cells(text.split("\n", 20).join("\n"), delimiter).map((row) => row.length);
  return counts.length ? Math.min(...counts.slice(0, -1), counts[0]) : 0;
};

// Rows of cells. A cell within quotes may hold what else ends it.
function cells(text, delimiter) {
  const rows = [];
  let row = [];
  let [cell, quoted] = ["", false];
  const end = () => {
    row.push(cell.trim());
    cell = "";
  };
  for (let at = 0; at < text.length; at++) {
    const c = text[at];
    if (quoted) {
      if (c !== '"') cell += c;
      else if (text[at + 1] === '"') cell += text[++at];
      else quoted = false;
    } else if (c === '"' && !cell.trim()) [cell, quoted] = ["", true];
    else if (c === delimiter) end();
    else if (c === "\n" || c === "\r") {
      end();
      rows.push(row);
      row = [];
    } else cell += c;
  }
  end();
  return [...rows, row].filter((each) => each.length > 1 || each[0]);
}

function asNumber(cell, comma) {
  if (comma && COMMA.test(cell.replaceAll(".", ""))) cell = cell.replaceAll(".", "").replace(",", ".");
  else if (!comma && THOUSANDS.test(cell)) cell = cell.replaceAll(",", "");
  const found = NUMBER.test(cell) ? Number(cell) : NaN;
  return Math.abs(found) <= 1e30 ? found : NaN;
}

// Whether numbers have a comma where others have a point.
function usesCommas(rows) {
  const every = rows.flat();
  const commas = every.filter((cell) => COMMA.test(cell.replaceAll(".", ""))).length;
  return commas > every.filter((cell) => cell.includes(".") && NUMBER.test(cell)).length;
}

function column(name, texts, number, forms) {
  const numbers = texts.map(number);
  const there = texts.filter((cell) => !MISSING.has(cell.toLowerCase())).length;
  const isNumeric = numbers.filter((one) => !Number.isNaN(one)).length >= NUMERIC * there;
  return {
    name,
    texts,
    numbers: isNumeric ? numbers : null,
    times: timesOf(name, texts, isNumeric ? numbers : null, forms),
  };
}

const DATES = /^(date|datetime|time|timestamp|period|ds|day|month|year|week|quarter|yearmonth|t|n|index|step|row|)$/i;

// Seconds since 1970, or numbers, NaN for what is no time; null if a column is none of times.
function timesOf(name, texts, numbers, forms) {
  if (numbers && !DATES.test(name)) return null;
  const there = texts.filter(Boolean);
  for (const form of forms.map((pattern) => new RegExp(`^(?:${pattern})$`))) {
    const times = texts.map((cell) => timeOf(cell.match(form)?.groups));
    if (there.length > 1 && times.filter((time) => !Number.isNaN(time)).length >= FIT * there.length) return times;
  }
  return numbers && numbers.every((one, n) => !n || one > numbers[n - 1]) ? numbers : null;
}

// What is in a match. Of a time with a zone, that of UTC.
function timeOf(groups) {
  if (!groups) return NaN;
  const part = (key, other) => Number(groups[key] ?? other);
  const year = part("y");
  if (groups.w) {
    const fourth = Date.UTC(year, 0, 4) / 86_400_000; // is in the first week
    const monday = fourth - ((((fourth + 3) % 7) + 7) % 7);
    return (monday + 7 * (part("w") - 1) + part("wd", 1) - 1) * 86_400;
  }
  const month = groups.name
    ? MONTHS.indexOf(groups.name.slice(0, 3).toLowerCase()) + 1
    : groups.q
      ? 3 * part("q") - 2
      : part("m", 1);
  const day = part("d", 1);
  const date = new Date(Date.UTC(year, month - 1, day, part("H", 0), part("M", 0), part("S", 0)));
  if (month < 1 || month > 12 || date.getUTCMonth() !== month - 1) return NaN; // a day that no month has
  const zone = groups.zone?.match(/([+-])(\d\d):?(\d\d)/);
  const ahead = zone ? (3600 * Number(zone[2]) + 60 * Number(zone[3])) * (zone[1] === "+" ? 1 : -1) : 0;
  return date / 1000 - ahead;
}

// Where rows belong: no or one { start, places: place → row }.
function placed(rows, times, frequency, notes) {
  if (!times) return [{ start: 0, places: new Map(rows.map((row, place) => [place, row])) }];
  const known = rows.filter((row) => !Number.isNaN(times[row]));
  const start = known.reduce((least, row) => Math.min(least, times[row]), Infinity);
  const places = new Map();
  let off = 0;
  for (const row of known) {
    const place = frequency.place(start, times[row]);
    if (place === null) off += 1;
    else if (!places.has(place)) places.set(place, row);
  }
  if (off) notes.push(`${off} rows are at times that are not ${frequency.name}, and are left out`);
  const order = [...places.keys()].sort((one, other) => one - other);
  const counts = new Map();
  order.slice(1).forEach((place, n) => counts.set(place - order[n], (counts.get(place - order[n]) ?? 0) + 1));
  const usual = [...counts].sort(([a, one], [b, other]) => other - one || a - b)[0]?.[0];
  if (off > 0.2 * known.length || usual !== 1 || order.at(-1) >= SPARSE * order.length) {
    throw new Error(`The rows are not ${frequency.name}, as the model's values are. Paste a table with such rows.`);
  }
  return [{ start, places }];
}

// A series from the first value that is there to the last; null if they are too few.
function one(name, start, places, numbers, frequency) {
  const values = new Array([...places.keys()].reduce((most, one) => Math.max(most, one)) + 1).fill(NaN);
  for (const [place, row] of places) values[place] = numbers[row];
  const there = values.flatMap((value, place) => (Number.isNaN(value) ? [] : [place]));
  if (there.length < 3) return null;
  return { name, start: frequency.time(start, there[0]), values: values.slice(there[0], there.at(-1) + 1) };
}
