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

// Plays sounds that follow one another, or a part of them, exactly; also while more of them come.
export class Player {
  #context = null;
  #sources = []; // what plays, and what follows it
  #parts = [];
  #rate = 0;
  #begin = 0; // seconds of the sound, where the playing began
  #end = 0;
  #since = 0; // the clock's seconds then
  #rest = 0; // where we are while nothing plays
  #open = false; // it plays to the end, wherever that will be
  #waiting = false; // it has come to the end of what is there, and more will come

  // changed: is called when playing begins and ends.
  constructor(changed) {
    this.changed = changed;
    this.more = false; // whether more sounds will come
  }

  // parts: Float32Arrays, one after another. What plays goes on to its end, and then into parts that were added.
  load(parts, rate) {
    const added = this.#parts.every((one, n) => one === parts[n]) ? parts.slice(this.#parts.length) : [];
    this.#parts = [...parts];
    this.#rate = rate;
    if (this.#waiting) this.play(this.#rest);
    else if (this.playing && this.#open && added.length) this.#follow(added);
  }

  get seconds() {
    return this.#rate ? this.#parts.reduce((sum, one) => sum + one.length, 0) / this.#rate : 0;
  }

  get playing() {
    return this.#sources.length > 0;
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
  async play(from = this.#rest, to = undefined) {
    this.#stop();
    const end = to ?? this.seconds;
    if (!this.#parts.length || end <= from) return;
    this.#context ??= new AudioContext();
    if (this.#context.state !== "running") await this.#context.resume();
    this.#stop(); // what began meanwhile
    this.#open = to === undefined;
    this.#begin = from;
    this.#end = end;
    this.#since = this.#context.currentTime;
    this.#start(this.#parts, 0, from, end - from);
    this.changed();
  }

  pause() {
    this.#waiting = false;
    if (!this.playing) return;
    this.#rest = this.place;
    this.#stop();
    this.changed();
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  // No more sounds will come.
  ended() {
    this.more = false;
    if (!this.#waiting) return;
    this.#waiting = false;
    this.#rest = 0;
    this.changed();
  }

  close() {
    this.#stop();
    this.#context?.close();
    this.#context = null;
  }

  #stop() {
    this.#waiting = false;
    const sources = this.#sources;
    this.#sources = [];
    for (const one of sources) one.stop();
  }

  // More sound, right behind what plays.
  #follow(parts) {
    const when = this.#since + this.#end - this.#begin;
    this.#end = this.seconds;
    this.#since += Math.max(0, this.#context.currentTime - when); // it comes late
    this.#start(parts, Math.max(when, this.#context.currentTime));
  }

  #start(parts, when, offset, seconds) {
    const length = parts.reduce((sum, one) => sum + one.length, 0);
    const buffer = this.#context.createBuffer(1, Math.max(1, length), this.#rate);
    let at = 0;
    for (const part of parts) {
      buffer.copyToChannel(part, 0, at);
      at += part.length;
    }
    const source = new AudioBufferSourceNode(this.#context, { buffer });
    source.connect(this.#context.destination);
    source.onended = () => this.#over(source);
    this.#sources.push(source);
    source.start(when, offset, seconds);
  }

  #over(source) {
    if (!this.#sources.includes(source)) return;
    this.#sources = this.#sources.filter((one) => one !== source);
    if (this.playing) return;
    this.#waiting = this.#open && this.more;
    this.#rest = this.#waiting ? this.#end : this.#open ? 0 : this.#begin;
    this.changed();
  }
}
