// A take: what was spoken at one time, sentence by sentence, with what was changed of it since.

import { ask } from "../../../studio/api.js";
import { Sentence } from "./sentence.js";
import { waveOf } from "./sound.js";

const PATH = "/api/speak";
const AGAIN = ["liveliness", "temperature", "seed"]; // what counts when phones are said that have times and F0

export class Take {
  // asked: the request, without what comes back.
  constructor(asked, changes = []) {
    this.asked = asked;
    this.kept = changes; // of each sentence, until the sentences are there
    this.sentences = null;
    this.notes = [];
  }

  // Speaks it, if its sound is not there, and all that was changed.
  async speak(signal) {
    if (!this.sentences) {
      const answer = await ask(PATH, { ...this.asked, files: ["wav"] }, signal);
      const [{ utterances, words, files, text }] = answer.samples;
      const { samples, rate } = waveOf(files.wav);
      this.notes = answer.notes ?? [];
      this.text = text;
      this.rate = rate;
      let begin = 0;
      let second = 0;
      this.sentences = utterances.map((one, n) => {
        second += one.phones.at(-1)[2];
        const end = n === utterances.length - 1 ? samples.length : Math.round(second * rate);
        const found = new Sentence(one, words[n], samples.slice(begin, end));
        begin = end;
        return found;
      });
      for (const [n, one] of this.sentences.entries()) one.changed = this.kept[n] ?? [];
    }
    return this.again(signal);
  }

  // Speaks the sentences again whose changes are not heard yet. Returns whether there were any.
  async again(signal) {
    let some = false;
    for (const one of this.sentences) {
      if (one.fresh) continue;
      some = true;
      const { key } = one;
      if (key === "[]") {
        one.heard(one.baseSamples, key);
        continue;
      }
      const answer = await ask(PATH, { ...this.how, utterances: [one.asked()], files: ["wav"] }, signal);
      one.heard(waveOf(answer.samples[0].files.wav).samples, key);
    }
    return some;
  }

  get how() {
    const given = Object.entries(this.asked).filter(([name]) => AGAIN.includes(name));
    return { model: this.asked.model, ...Object.fromEntries(given) };
  }

  // The request that gives all of it in another form.
  whole(format) {
    const changed = this.sentences?.some((one) => one.changes.size) ?? this.kept.some((one) => one.length);
    if (!changed) return { ...this.asked, format };
    return { ...this.how, utterances: this.sentences.map((one) => one.asked()), format };
  }

  get changed() {
    return this.sentences?.map((one) => one.changed) ?? this.kept;
  }

  set changed(changes) {
    this.kept = changes;
    for (const [n, one] of (this.sentences ?? []).entries()) one.changed = changes[n] ?? [];
  }

  // Changes of another take that go for this one: those of sentences with the same phones.
  adopt(other) {
    if (!other?.sentences || !this.sentences) return 0;
    const symbols = (one) => one.phones.map(([symbol]) => symbol).join(" ");
    let count = 0;
    for (const [n, one] of this.sentences.entries()) {
      const theirs = other.sentences[n];
      if (!theirs?.changes.size || symbols(theirs) !== symbols(one)) continue;
      one.changed = theirs.changed;
      count += one.changes.size;
    }
    return count;
  }

  // Lets go of sounds; they are spoken again when they are needed.
  rest() {
    this.kept = this.changed;
    this.sentences = null;
  }

  get seconds() {
    return this.sentences?.reduce((sum, one) => sum + one.seconds, 0) ?? 0;
  }
}
