// What is heard: an oscillator for each note, noise for drums. All is said to the browser ahead of time.

export class Voices {
  // parts: of each wave (strengths of harmonics), attack, release, decay (of middle C, 0: none), drums, place, heard.
  constructor(parts) {
    this.parts = parts;
    this.loudness = 0.8;
    this.context = null;
    this.sounding = new Set();
  }

  // Called when a person has pressed something: browsers let no page sound before.
  async start() {
    if (!this.context) {
      this.context = new AudioContext();
      this.master = this.context.createGain();
      this.master.gain.value = this.loudness;
      const limiter = this.context.createDynamicsCompressor();
      limiter.threshold.value = -12;
      limiter.knee.value = 12;
      limiter.ratio.value = 8;
      this.master.connect(limiter).connect(this.context.destination);
      this.waves = this.parts.map(
        ({ wave }) =>
          wave &&
          this.context.createPeriodicWave(
            wave.map(() => 0),
            wave,
          ),
      );
      this.noise = this.context.createBuffer(1, this.context.sampleRate, this.context.sampleRate);
      const samples = this.noise.getChannelData(0);
      for (let i = 0; i < samples.length; i++) samples[i] = 2 * Math.random() - 1;
      this.open();
    }
    await this.context.resume();
  }

  close() {
    this.context?.close();
  }

  get now() {
    return this.context ? this.context.currentTime : 0;
  }

  // What is being heard ends; what comes next has new strips to go through.
  silence() {
    if (!this.context) return;
    const { bus, now } = this;
    bus.gain.setTargetAtTime(0, now, 0.015);
    for (const source of this.sounding) source.stop(now + 0.12);
    setTimeout(() => bus.disconnect(), 400);
    this.open();
  }

  open() {
    this.bus = this.context.createGain();
    this.bus.connect(this.master);
    this.strips = this.parts.map(({ place, heard }) => {
      const strip = this.context.createGain();
      const panner = this.context.createStereoPanner();
      strip.gain.value = heard ? 1 : 0;
      panner.pan.value = place;
      strip.connect(panner).connect(this.bus);
      return strip;
    });
  }

  hear(part, heard) {
    this.parts[part].heard = heard;
    if (this.context) this.strips[part].gain.setTargetAtTime(heard ? 1 : 0, this.now, 0.02);
  }

  volume(value) {
    this.loudness = value;
    if (this.context) this.master.gain.setTargetAtTime(value, this.now, 0.02);
  }

  play({ pitch, velocity, part }, when, seconds) {
    const at = Math.max(when, this.now);
    if (this.parts[part].drums) this.strike(pitch, velocity / 127, part, at);
    else this.note(pitch, velocity / 127, part, at, seconds);
  }

  note(pitch, force, part, at, seconds) {
    const { attack, release, decay, gain } = this.parts[part];
    const hertz = 440 * 2 ** ((pitch - 69) / 12);
    const source = this.context.createOscillator();
    source.setPeriodicWave(this.waves[part]);
    source.frequency.value = hertz;
    const filter = this.context.createBiquadFilter();
    const bright = Math.min(hertz * (2 + 8 * force) + 1200 * force, 16000);
    filter.frequency.setValueAtTime(bright, at);
    const envelope = this.envelope(part, source, filter);
    const level = 0.22 * gain * force ** 1.5;
    envelope.gain.setValueAtTime(0, at);
    envelope.gain.linearRampToValueAtTime(level, at + attack);
    let end = at + Math.max(seconds, attack);
    if (decay) {
      const fading = decay * Math.min(Math.max(2 ** ((60 - pitch) / 20), 0.15), 3);
      envelope.gain.setTargetAtTime(0, at + attack, fading);
      filter.frequency.setTargetAtTime(Math.min(2 * hertz, bright), at + attack, fading / 2);
      end = Math.min(end, at + 7 * fading);
    }
    envelope.gain.setTargetAtTime(0, end, release / 4);
    this.run(source, at, end + 2 * release);
  }

  strike(pitch, force, part, at) {
    const level = 0.5 * force ** 1.5;
    const low = { 35: 48, 36: 48, 41: 80, 43: 95, 45: 115, 47: 140, 48: 165, 50: 195 }[pitch];
    const shaken = { 42: 0.03, 44: 0.03, 46: 0.22, 54: 0.06, 69: 0.04, 70: 0.03, 82: 0.04 }[pitch];
    const ringing = { 49: 0.6, 51: 0.35, 52: 0.5, 53: 0.4, 55: 0.3, 57: 0.6, 59: 0.35 }[pitch];
    if (low) this.sweep(part, at, low, 2.5 * low, 1.6 * level, 0.13);
    else if (pitch >= 37 && pitch <= 40) {
      this.hiss(part, at, 1800, 0.7 * level, 0.08);
      this.sweep(part, at, 185, 60, 0.5 * level, 0.06);
    } else if (shaken) this.hiss(part, at, 7000, 0.5 * level, shaken);
    else if (ringing) this.hiss(part, at, 5000, 0.3 * level, ringing);
    else this.sweep(part, at, 300 + 22 * (pitch % 48), 0, 0.6 * level, 0.05);
  }

  sweep(part, at, hertz, above, level, fading) {
    const source = this.context.createOscillator();
    source.frequency.setValueAtTime(hertz + above, at);
    source.frequency.setTargetAtTime(hertz, at, 0.03);
    this.fall(part, source, at, level, fading);
  }

  hiss(part, at, hertz, level, fading) {
    const source = this.context.createBufferSource();
    source.buffer = this.noise;
    source.loop = true;
    const filter = this.context.createBiquadFilter();
    filter.type = "highpass";
    filter.frequency.value = hertz;
    this.fall(part, source, at, level, fading, filter);
  }

  fall(part, source, at, level, fading, ...through) {
    const envelope = this.envelope(part, source, ...through);
    envelope.gain.setValueAtTime(0, at);
    envelope.gain.linearRampToValueAtTime(level, at + 0.002);
    envelope.gain.setTargetAtTime(0, at + 0.002, fading);
    this.run(source, at, at + 8 * fading);
  }

  envelope(part, source, ...through) {
    const envelope = this.context.createGain();
    envelope.gain.value = 0;
    [...through, envelope, this.strips[part]].reduce((from, to) => from.connect(to), source);
    return envelope;
  }

  run(source, begin, end) {
    this.sounding.add(source);
    source.onended = () => this.sounding.delete(source);
    source.start(begin);
    source.stop(end);
  }
}
