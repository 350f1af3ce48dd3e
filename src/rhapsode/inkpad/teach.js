// The lesson: a model learns the lines, and writes before and after.

const EVERY = 1000; // milliseconds between two looks at a lesson that goes on
const find = (id) => document.getElementById(id);

export class Lesson {
  // about: the model and its lesson, as the server tells them. changed(): the lesson has begun or ended.
  constructor(about, changed) {
    this.about = about;
    this.changed = changed;
    this.state = about.state;
    this.known = new Set(about.alphabet);
    this.seed = 1;
    find("teaching").hidden = false;
    find("words").value = about.sentence;
    find("sentence").textContent = `“${about.sentence}”`;
    find("teach").addEventListener("click", () => this.ask("teach"));
    find("stop").addEventListener("click", () => this.ask("stop"));
    find("bias").addEventListener("input", () => (find("neat").value = Number(find("bias").value).toFixed(1)));
    find("compose").addEventListener("submit", (event) => {
      event.preventDefault();
      this.compose();
    });
    if (this.state.taught) this.compare();
    if (this.running) this.follow();
  }

  get running() {
    return this.state.phase === "running";
  }

  // The lines that the model can learn: those of its own characters.
  usable(lines) {
    return lines.filter(({ text, drawing }) => drawing && [...text].every((char) => this.known.has(char)));
  }

  possible(lines) {
    return this.usable(lines).length >= this.about.enough || this.state.phase !== "idle" || this.state.taught;
  }

  show(lines, saving) {
    const { enough, minutes, alphabet } = this.about;
    const usable = this.usable(lines).length;
    const written = lines.filter(({ drawing }) => drawing);
    const strange = new Set(written.flatMap(({ text }) => [...text]).filter((char) => !this.known.has(char)));
    const missing = Math.max(0, enough - usable);
    find("teach").disabled = this.running || saving || missing > 0;
    find("teach").textContent = this.state.taught ? "Teach it again" : "Teach my hand";
    find("missing").textContent = this.running
      ? "It is learning. You can go on writing meanwhile; a later lesson takes the new lines, too."
      : missing
        ? `${missing} more ${missing === 1 ? "line is" : "lines are"} needed; the more, the better.`
        : `From ${usable} lines, in about ${minutes} ${minutes === 1 ? "minute" : "minutes"}. More lines make it better.${this.state.taught ? " The model of the last lesson is replaced." : ""}`;
    find("unknown").textContent = strange.size
      ? `The model does not know ${[...strange].join(" ")}, so it leaves out ${written.length - usable} of your lines.`
      : "";
    this.progress();
  }

  progress() {
    const { phase, stage, done = 0, train, valid, eta, warning, error, kept } = this.state;
    find("learning").hidden = !this.running;
    find("learnt").value = done;
    const figures = [`${Math.floor(100 * done)} %`];
    if (train != null) figures.push(`loss ${train.toFixed(2)}`);
    if (valid != null) figures.push(`on lines held back ${valid.toFixed(2)}`);
    if (eta != null) figures.push(`${clock(eta)} left`);
    find("figures").textContent = train == null ? `Getting ready: ${stage} …` : figures.join(" · ");
    const where = `The model is in ${this.about.folder}. In the terminal: ${this.about.command}`;
    const ends = {
      idle: this.state.taught ? `It has had a lesson before. ${where}` : "",
      running: warning ?? "",
      finished: `It has learnt your hand. ${where}`,
      stopped: kept ? `Stopped; what it had learnt is kept. ${where}` : "Stopped before it had learnt anything.",
      failed: `It could not learn: ${error}`,
    };
    find("outcome").textContent = ends[phase];
    find("outcome").classList.toggle("bad", phase === "failed");
  }

  async ask(what) {
    const answer = await send(what, {});
    if (answer.error) {
      find("outcome").textContent = answer.error;
      find("outcome").classList.add("bad");
      return;
    }
    this.state = answer;
    if (what === "stop") find("stop").disabled = true;
    this.changed();
    if (what === "teach") this.follow();
  }

  async follow() {
    find("stop").disabled = false;
    while (this.running) {
      await new Promise((go) => setTimeout(go, EVERY));
      const state = await get("lesson");
      if (state.error) {
        find("figures").textContent = state.error;
        continue;
      }
      this.state = state;
      if (this.running) this.progress();
    }
    this.changed();
    if (this.state.kept) this.compare();
  }

  // The sentence in both hands, and a line by the person's own.
  async compare() {
    find("shown").hidden = false;
    const places = { before: "before", after: "taught" };
    for (const place of ["before", "taught", "own"]) picture(place, "", "Writing …");
    const own = await send("own", {});
    if (own.svg) picture("own", own.svg, own.text);
    else find("own").textContent = own.error ?? "";
    for (const [hand, place] of Object.entries(places)) {
      const made = await this.written(hand, this.about.sentence, 0.5);
      if (made.svg) picture(place, made.svg, this.about.sentence);
      else find(place).textContent = made.error;
    }
  }

  async compose() {
    const text = find("words").value;
    find("write").disabled = true;
    find("trouble").textContent = "Writing …";
    const made = await this.written("after", text, Number(find("bias").value));
    find("write").disabled = false;
    find("trouble").textContent = made.error ?? "";
    find("trouble").classList.toggle("bad", Boolean(made.error));
    if (made.error) return;
    this.seed += 1; // the same words again are written anew
    find("result").hidden = false;
    picture("page", made.svg, text);
    find("download").href = source(made.svg);
  }

  written(hand, text, bias) {
    return send("write", { hand, text, bias, seed: this.seed });
  }
}

// An image, and so nothing in it is run.
function picture(id, svg, text) {
  if (!svg) {
    find(id).textContent = text;
    return;
  }
  const image = new Image();
  image.src = source(svg);
  image.alt = text;
  find(id).replaceChildren(image);
}

function source(svg) {
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

function clock(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function get(what) {
  return asked(() => fetch(what));
}

function send(what, value) {
  const headers = { "Content-Type": "application/json" };
  return asked(() => fetch(what, { method: "POST", headers, body: JSON.stringify(value) }));
}

async function asked(fetched) {
  try {
    return await (await fetched()).json();
  } catch {
    return { error: "the server does not answer. Is “rhapsode ink” still running?" };
  }
}
