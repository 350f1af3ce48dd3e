// Files and folders that are dropped into a page, with their paths; and those that one page hands to another.

let handed = [];

// Gives files to the page that is opened next.
export const hand = (found) => (handed = found);
export function taken() {
  const found = handed;
  handed = [];
  return found;
}

export const holdsFiles = (event) => Array.from(event.dataTransfer?.types ?? []).includes("Files");

// The files of a drop or an input: [{ file, path }], the path beginning with the folder that was dropped. Names that
// begin with a dot are left out, as `train` leaves them out.
export async function filesOf({ items, files }) {
  const entries = Array.from(items ?? [], (item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (entries.length) return (await Promise.all(entries.map((one) => walked(one, "")))).flat();
  return Array.from(files ?? [], (file) => ({ file, path: file.webkitRelativePath || file.name })).filter(({ path }) => !hidden(path));
}

const hidden = (path) => path.split("/").some((part) => part.startsWith("."));

async function walked(entry, before) {
  const path = before + entry.name;
  if (hidden(entry.name)) return [];
  if (entry.isFile) return [{ file: await new Promise((found, failed) => entry.file(found, failed)), path }];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    // A reader gives some at a time, and nothing at the end.
    const some = await new Promise((got, failed) => reader.readEntries(got, failed));
    if (!some.length) return found;
    for (const one of some) found.push(...(await walked(one, `${path}/`)));
  }
}

// Calls `given` with what is dropped on an element, which has the class `over` meanwhile. Returns what ends that.
export function takesDrops(where, given) {
  const heard = async (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    where.classList.toggle("over", event.type === "dragover");
    if (event.type === "drop") given(await filesOf(event.dataTransfer));
  };
  const names = ["dragover", "dragleave", "drop"];
  for (const name of names) where.addEventListener(name, heard);
  return () => {
    where.classList.remove("over");
    for (const name of names) where.removeEventListener(name, heard);
  };
}
