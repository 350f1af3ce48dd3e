// Sound: reading WAV files, and playing samples.

const HEAD = 44; // bytes before the samples, as the server writes them

// The sound of a WAV file of 16 bits in base64: { samples: Float32Array, rate }.
export function waveOf(base64) {
  const bytes = Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const samples = new Float32Array((bytes.length - HEAD) >> 1);
  for (let n = 0; n < samples.length; n++) samples[n] = view.getInt16(HEAD + 2 * n, true) / 32768;
  return { samples, rate: view.getUint32(24, true) };
}

// Plays sounds that follow one another, or a part of them, exactly.
export class Player {
  #context = null;
  #source = null;
  #buffer = null;
  #parts = [];
  #rate = 0;
  #begin = 0; // seconds of the sound, where the playing began
  #end = 0;
  #since = 0; // the clock's seconds then
  #rest = 0; // where we are while nothing plays

  // changed: is called when playing begins and ends.
  constructor(changed) {
    this.changed = changed;
  }

  // parts: Float32Arrays, one after another. What plays goes on to its end.
  load(parts, rate) {
    this.#parts = parts;
    this.#rate = rate;
    this.#buffer = null;
  }

  get seconds() {
    return this.#rate ? this.#parts.reduce((sum, one) => sum + one.length, 0) / this.#rate : 0;
  }

  get playing() {
    return this.#source !== null;
  }

  // Seconds from the beginning.
  get place() {
    if (!this.playing) return this.#rest;
    return Math.min(this.#begin + Math.max(0, this.#context.currentTime - this.#since), this.#end);
  }

  set place(second) {
    this.pause();
    this.#rest = Math.min(Math.max(second, 0), this.seconds);
  }

  // From a second on, to the end; or to another one, and then we are where it began. Throws if the browser plays no sound.
  async play(from = this.#rest, to = this.seconds) {
    this.#stop();
    if (!this.#parts.length || to <= from) return;
    this.#context ??= new AudioContext();
    if (this.#context.state !== "running") await this.#context.resume();
    this.#stop(); // what began meanwhile
    if (!this.#buffer) this.#fill();
    const source = new AudioBufferSourceNode(this.#context, { buffer: this.#buffer });
    source.connect(this.#context.destination);
    source.onended = () => {
      if (this.#source !== source) return;
      this.#source = null;
      this.#rest = to < this.seconds ? from : 0;
      this.changed();
    };
    this.#source = source;
    this.#begin = from;
    this.#end = to;
    this.#since = this.#context.currentTime + (this.#context.outputLatency || 0);
    source.start(0, from, to - from);
    this.changed();
  }

  pause() {
    if (!this.playing) return;
    this.#rest = this.place;
    this.#stop();
    this.changed();
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  close() {
    this.#stop();
    this.#context?.close();
    this.#context = null;
  }

  #stop() {
    const source = this.#source;
    this.#source = null;
    source?.stop();
  }

  #fill() {
    const length = this.#parts.reduce((sum, one) => sum + one.length, 0);
    this.#buffer = this.#context.createBuffer(1, Math.max(1, length), this.#rate);
    let at = 0;
    for (const part of this.#parts) {
      this.#buffer.copyToChannel(part, 0, at);
      at += part.length;
    }
  }
}
