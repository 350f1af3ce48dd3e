// Sends lines one by one and again until each has arrived.

const PATIENCE = 20000; // milliseconds that an answer may take
const LONGEST = 15000; // milliseconds between two attempts

export class Saver {
  // told(text, error, seconds): a line has arrived (error null), or not, and it is tried again after some seconds.
  constructor(url, told) {
    this.url = url;
    this.told = told;
    this.waiting = new Map();
    this.busy = false;
    this.failures = 0;
  }

  put(text, drawing) {
    this.waiting.set(text, JSON.stringify({ text, ...drawing }));
    this.run();
  }

  async run() {
    clearTimeout(this.timer);
    if (this.busy) return;
    this.busy = true;
    while (this.waiting.size) {
      const [text, body] = this.waiting.entries().next().value;
      const error = await this.send(body);
      const latest = this.waiting.get(text); // it may have been written again meanwhile
      if (error || latest === body) this.waiting.delete(text);
      if (error) {
        this.waiting.set(text, latest); // behind the others: a line that is refused must not hold them up
        const pause = Math.min(1000 * 2 ** this.failures++, LONGEST);
        this.timer = setTimeout(() => this.run(), pause);
        this.told(text, error, pause / 1000);
        break;
      }
      this.failures = 0;
      if (latest === body) this.told(text, null, 0);
    }
    this.busy = false;
  }

  // What went wrong, or null.
  async send(body) {
    try {
      const answer = await fetch(this.url, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body,
        signal: AbortSignal.timeout(PATIENCE),
      });
      return answer.ok ? null : (await answer.json()).error;
    } catch {
      return "the server does not answer. Is “rhapsode ink” still running?";
    }
  }
}
