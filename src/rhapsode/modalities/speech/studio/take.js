// A take: what was spoken at one time, sentence by sentence, with what was changed of it since.

import { ask, events } from "../../../studio/api.js";
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

  // Speaks it, if its sound is not there, and all that was changed. came: is called, and waited for, when a sentence is
  // there. What had come when it was ended is kept; the rest is not.
  async speak(signal, came = () => {}) {
    if (this.sentences) return this.again(signal);
    const found = [];
    this.notes = [];
    try {
      for await (const { samples: [one], notes = [] } of events(PATH, { ...this.asked, files: ["wav"], stream: true }, signal)) {
        const { samples, rate } = waveOf(one.files.wav);
        const sentence = new Sentence(one.utterances[0], one.words[0], samples);
        sentence.changed = this.kept[found.length] ?? [];
        this.notes.push(...notes);
        this.rate = rate;
        found.push(sentence);
        this.sentences = found;
        await came(sentence);
      }
    } catch (error) {
      this.partial = found.length > 0;
      throw error;
    }
    return this.again(signal);
  }

  // What it says.
  get text() {
    const said = this.sentences?.map((one) => one.base.text ?? "").join(" ").trim();
    return said || this.asked.text || this.asked.phones || "";
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
    if (!changed && !this.partial) return { ...this.asked, format };
    return { ...this.how, utterances: this.sentences.map((one) => one.asked()), format };
  }

  get changed() {
    return this.sentences?.map((one) => one.changed) ?? this.kept;
  }

  set changed(changes) {
    this.kept = changes;
    for (const [n, one] of (this.sentences ?? []).entries()) one.changed = changes[n] ?? [];
  }

  // The last sentence takes the changes of the same one of another take, if it has the same phones.
  adopt(other) {
    const symbols = (one) => one?.phones.map(([symbol]) => symbol).join(" ");
    const [own, theirs] = [this.sentences.at(-1), other?.sentences?.[this.sentences.length - 1]];
    if (theirs?.changes.size && symbols(theirs) === symbols(own)) own.changed = theirs.changed;
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
