// Sends lines one by one and again until each has arrived, also when the page is left meanwhile.

import { ask } from "../../../studio/api.js";
import { t } from "../../../studio/texts.js";

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
    this.waiting.set(text, { text, ...drawing });
    this.run();
  }

  async run() {
    clearTimeout(this.timer);
    if (this.busy) return;
    this.busy = true;
    while (this.waiting.size) {
      const [text, line] = this.waiting.entries().next().value;
      const error = await this.send(line);
      const latest = this.waiting.get(text); // it may have been written again meanwhile
      if (error || latest === line) this.waiting.delete(text);
      if (error) {
        this.waiting.set(text, latest); // behind the others: a line that is refused must not hold them up
        const pause = Math.min(1000 * 2 ** this.failures++, LONGEST);
        this.timer = setTimeout(() => this.run(), pause);
        this.told(text, error, pause / 1000);
        break;
      }
      this.failures = 0;
      if (latest === line) this.told(text, null, 0);
    }
    this.busy = false;
  }

  // What went wrong, or null.
  async send(line) {
    try {
      await ask(this.url, line, AbortSignal.timeout(PATIENCE));
      return null;
    } catch (error) {
      return error.status ? error.message : t("failed.gone");
    }
  }
}
