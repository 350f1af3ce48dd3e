// The models that are there, and the last works.

import { element } from "../export/page/dom.js";
import { address, say } from "./studio.js";
import { forget, works } from "./store.js";
import { t } from "./texts.js";

export function open(main, shelf) {
  const shown = shelf.models.map((about) => card(about));
  const own = shelf.models.some(({ name }) => !name.startsWith("demo:"));
  const recent = element("ul", { class: "works" });
  const heading = element("h2", {}, t("home.recent"));
  const list = () => {
    const found = works();
    recent.replaceChildren(...found.map((one) => line(one, list)));
    heading.hidden = !found.length;
  };
  list();
  const wrong = shelf.wrong.map((one) => element("li", {}, one));
  main.append(
    element("h1", {}, t("home.title")),
    element("p", { class: "quiet" }, t(own ? "home.below" : "home.empty", { folder: shelf.below })),
    element("div", { class: "cards" }, ...shown),
    heading,
    recent,
    ...(wrong.length ? [element("h2", {}, t("home.wrong")), element("ul", { class: "quiet" }, ...wrong)] : []),
  );
  return {};
}

function card(about) {
  const { name, views, sample, picture } = about;
  const facts = [
    about.noun,
    about.sources.length && t("home.learnt", { sources: about.sources.join(", ") }),
    about.seconds && t("home.minutes", { minutes: duration(about.seconds) }),
    about.valid_nats_per_step && t("home.nats", { nats: about.valid_nats_per_step.toFixed(3) }),
  ].filter(Boolean);
  const title = element("a", { href: address(views[0], name) }, name);
  const source = `/api/shelf/picture?model=${encodeURIComponent(name)}`;
  return element(
    "article",
    { class: "card paper" },
    element("h2", {}, title),
    element("p", { class: "quiet" }, facts.join(" · ")),
    ...(sample ? [element("p", { class: "sample", "aria-label": t("home.sample") }, sample)] : []),
    ...(picture ? [element("img", { src: source, alt: t("home.picture", { name }), loading: "lazy" })] : []),
  );
}

function line(one, list) {
  const drop = () => {
    if (!confirm(t("home.sure", { title: one.title }))) return;
    forget(one.id);
    list();
    say(t("home.forgotten", { title: one.title }));
  };
  const href = address(one.view, one.model, one.id);
  return element(
    "li",
    {},
    element("a", { href }, one.title),
    element("span", { class: "quiet" }, `${one.model} · ${new Date(one.changed).toLocaleString()}`),
    element("button", { click: drop }, t("home.forget")),
  );
}

function duration(seconds) {
  const minutes = seconds / 60;
  if (minutes < 1) return `${Math.round(seconds)} s`;
  return minutes < 90 ? `${Math.round(minutes)} min` : `${(minutes / 60).toFixed(1)} h`;
}
