// The frame of all pages: which one is shown, by the part of the address behind #: #/VIEW/MODEL/WHAT.

import { $, element } from "../export/page/dom.js";
import { ask, Failed } from "./api.js";
import { attend } from "./running.js";
import { keepSettings, settings } from "./store.js";
import { t } from "./texts.js";

let open = null; // the page that is shown: { close }
let turn = 0; // counts pages: one that is left while it loads is not shown

// The address of a page.
export const address = (view, ...parts) => `#/${[view, ...parts].map(encodeURIComponent).join("/")}`;

export const say = (text) => {
  $("status").textContent = text;
};

// Tells of an error, at the bottom of the page, until it is clicked away.
export function trouble(error) {
  if (error.name === "AbortError") return;
  let text = error.message;
  if (error instanceof TypeError && /fetch|network/i.test(text)) text = t("failed.gone");
  if (error instanceof Failed && error.status === 401) text = t("failed.key");
  $("trouble").replaceChildren(element("span", {}, text), element("button", { click: () => hush() }, "OK"));
  $("trouble").hidden = false;
}
export const hush = () => {
  $("trouble").hidden = true;
};

// Loads a style sheet of a page, by its path below the package, once.
const sheets = new Map(); // path → { link, loaded }
function styled(path) {
  if (!sheets.has(path)) {
    const link = element("link", { rel: "stylesheet", href: `/page/${path}` });
    const loaded = new Promise((resolve, reject) => {
      link.addEventListener("load", resolve);
      link.addEventListener("error", () => reject(new Error(t("failed.style", { path }))));
    });
    sheets.set(path, { link, loaded });
    document.head.append(link);
  }
  return sheets.get(path).loaded;
}

// A page begins: its style sheets count, and those of other pages do not.
function begin(main, view, styles) {
  for (const [path, { link }] of sheets) if (link.sheet) link.sheet.disabled = !styles.includes(path);
  main.className = view;
  main.replaceChildren();
}

// The parts of the address behind #/. One that nobody could have made is that of the first page.
function parts() {
  try {
    return location.hash.split("/").slice(1).map(decodeURIComponent);
  } catch {
    return [];
  }
}

// A page of the frame itself: home, or training.
async function framed(view) {
  const module = await (view === "train" ? import("./train.js") : import("./home.js"));
  await Promise.all(module.styles.map(styled));
  return module;
}

async function show() {
  const mine = ++turn;
  const [view = "", name = "", ...rest] = parts();
  open?.close?.();
  open = null;
  hush();
  document.title = t("title");
  const main = $("main");
  try {
    const early = view === "train" || !name ? framed(view) : null; // its script comes while the models are listed
    early?.catch(() => {}); // said below
    const shelf = await ask("/api/shelf");
    if (mine !== turn) return;
    const about = view === "train" ? undefined : shelf.models.find((one) => one.name === name);
    const own = about?.views.filter((one) => shelf.views[one]) ?? [];
    if (own.length && !own.includes(view)) {
      history.replaceState(null, "", address(own[0], name));
      await show();
      return;
    }
    attend(shelf.running, address);
    navigate(about, view, shelf);
    if (!own.length) {
      const module = await (early ?? framed(view));
      if (mine !== turn) return;
      begin(main, view === "train" ? "train" : "home", module.styles);
      open = module.open(main, { shelf, rest: [name, ...rest] });
      arrived(main);
      if (name && view !== "train" && !about) trouble(new Error(t("failed.model", { name })));
      return;
    }
    begin(main, view, []);
    main.append(element("p", { class: "quiet" }, t("wait", { name })));
    const [module, served] = await Promise.all([import(`/page/${shelf.views[view]}`), ask("/api/shelf/open", { model: name })]);
    const { styles = [] } = module;
    await Promise.all(styles.map(styled));
    if (mine !== turn) return;
    document.title = `${name} · ${t("title")}`;
    begin(main, view, styles);
    open = module.open(main, { about, shelf, rest, served });
    arrived(main);
    keepSettings("used", { ...settings("used"), [name]: Date.now() / 1000 });
  } catch (error) {
    if (mine === turn) trouble(error);
  }
}

// Who came by a link goes on with the keyboard where the new page begins, and hears it.
function arrived(main) {
  if (turn > 1 && [null, document.body].includes(document.activeElement)) main.focus({ preventScroll: true });
}

// Shows the page anew, when what it shows has changed.
export const again = () => show();

function navigate(about, view, { trains, views }) {
  const links = (about?.views ?? []).filter((one) => views[one]).map((one) =>
    element("a", { href: address(one, about.name), ...(one === view && { "aria-current": "page" }) }, t(`view.${one}`)),
  );
  const current = view === "train" && { "aria-current": "page" };
  const frame = trains ? [element("a", { href: address("train"), ...current }, t("view.train"))] : [];
  $("views").replaceChildren(...(about ? [element("h1", {}, about.name), ...links] : frame));
  $("views").setAttribute("aria-label", t("nav"));
}

addEventListener("hashchange", show);
addEventListener("unhandledrejection", (event) => trouble(event.reason));
show();
