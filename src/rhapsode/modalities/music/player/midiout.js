// Notes for an instrument, or a program, behind Web MIDI, in the place of the browser's own sound.

import { channelOf } from "./midi.js";

const [OFF, ON, CONTROL, PROGRAM] = [0x80, 0x90, 0xb0, 0xc0];
const [VOLUME, ALL_OFF] = [7, 123];

export class MidiOut {
  // output: a MIDIOutput of the browser.
  constructor(output) {
    this.output = output;
    this.parts = [];
    this.sounding = []; // notes whose end was not sent: { channel, pitch, on, off }, times in ms of the page's clock
  }

  // A tune's parts, with their programs.
  begin(parts) {
    this.silence();
    this.parts = parts;
    parts.forEach(({ program = 0, drums }, n) => {
      if (!drums) this.output.send([PROGRAM | this.#channel(n), program]);
    });
  }

  #channel(part) {
    return channelOf(part, this.parts[part].drums);
  }

  play({ pitch, velocity, part }, when, seconds) {
    if (!this.parts[part].heard) return;
    const on = Math.max(when, performance.now());
    const channel = this.#channel(part);
    this.sounding = this.sounding.filter((one) => {
      const again = one.channel === channel && one.pitch === pitch;
      if (again) this.#off(one, Math.min(one.off, on)); // it is struck again
      return !again;
    });
    this.output.send([ON | channel, pitch, velocity], on);
    this.sounding.push({ channel, pitch, on, off: on + 1000 * seconds });
  }

  // Ends the notes that end until then. Later ends are not sent yet, for what was sent cannot be taken back.
  end(until) {
    this.sounding = this.sounding.filter((one) => {
      if (one.off <= until) this.#off(one, one.off);
      return one.off > until;
    });
  }

  #off({ channel, pitch }, at) {
    this.output.send([OFF | channel, pitch, 0], at);
  }

  hear(part, heard) {
    if (!heard) this.output.send([CONTROL | this.#channel(part), ALL_OFF, 0]);
  }

  volume(value) {
    const loudness = Math.round(127 * Math.sqrt(value));
    for (const channel of this.#channels()) this.output.send([CONTROL | channel, VOLUME, loudness]);
  }

  #channels() {
    return new Set(this.parts.map((_, n) => this.#channel(n)));
  }

  // All ends, also what was sent ahead of time.
  silence() {
    const now = performance.now();
    this.output.clear?.();
    for (const one of this.sounding) this.#off(one, Math.max(now, one.on + 1));
    this.sounding = [];
    for (const channel of this.#channels()) this.output.send([CONTROL | channel, ALL_OFF, 0]);
  }
}
