// How amounts are said: bytes, times, losses.

import { t } from "./texts.js";

const UNITS = ["B", "kB", "MB", "GB"];

export function bytes(count) {
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(count || 1) / 3)));
  const value = count / 1000 ** power;
  return `${value < 10 && power ? value.toFixed(1) : Math.round(value)} ${UNITS[power]}`;
}

export function duration(seconds) {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = seconds / 60;
  return minutes < 90 ? `${minutes < 10 ? minutes.toFixed(1) : Math.round(minutes)} min` : `${(minutes / 60).toFixed(1)} h`;
}

// How long ago, in the words of the browser's language.
export function ago(time) {
  const seconds = (time - Date.now()) / 1000;
  const format = new Intl.RelativeTimeFormat(document.documentElement.lang || "en", { numeric: "auto" });
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (Math.abs(seconds) >= size) return Math.abs(seconds) < 30 * 86400 ? format.format(Math.round(seconds / size), unit) : new Date(time).toLocaleDateString();
  }
  return t("amount.now");
}

// A loss in the unit in which people of that kind of data read it: { value, unit }.
export const loss = ({ value, unit }) => (unit === "bits" ? t("amount.bits", { value: value.toFixed(3) }) : t("amount.nats", { value: value.toFixed(3).replace("-", "−"), unit }));
export const unitOf = (unit) => (unit === "bits" ? t("amount.bits.unit") : t("amount.nats.unit", { unit }));

// The losses of a training, in one unit: { unit, train, valid }, each a list of { seconds, update, value }.
export function losses(metrics, step = "step") {
  const last = metrics.findLast((one) => one.valid_bits_per_char !== undefined && one.valid);
  const scale = last ? last.valid_bits_per_char / last.valid : 1;
  const of = (name) =>
    metrics.filter((one) => one[name] !== undefined).map((one) => ({ seconds: one.seconds, update: one.update, value: one[name] * scale }));
  return { unit: last ? "bits" : step, train: of("train"), valid: of("valid") };
}

// The curves of these losses, over minutes.
export function lossCurves({ train, valid }) {
  const points = (every) => every.map(({ seconds, value }) => [seconds / 60, value]);
  return [
    { label: t("train.curve.train"), colour: "quiet", points: points(train) },
    { label: t("train.curve.valid"), colour: "accent", dots: true, width: 2, points: points(valid) },
  ];
}

// The loss at the time of a sample, in the unit of the curve. valid: see `losses`.
export function lossOf(sample, { valid, unit }) {
  const update = Number(sample.update.replaceAll(",", ""));
  const found = valid.find((one) => one.update === update);
  return found ? loss({ value: found.value, unit }) : sample.valid;
}

// A class for texts that are pictures made of characters.
export const drawn = (text) => (/[\u2580-\u259f\u2800-\u28ff]/.test(text) ? { class: "blocks" } : {});
