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
    find("words").addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) find("compose").requestSubmit();
    });
    find("download").addEventListener("click", () => this.save());
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
    for (const place of ["before", "taught", "own"]) pictures(place, null, "Writing …");
    const own = await send("own", {});
    pictures("own", own.svg && [own.svg], own.text ?? own.error ?? "");
    for (const [hand, place] of Object.entries(places)) {
      const made = await send("write", this.wish(hand, this.about.sentence, 0.5, ""));
      pictures(place, made.pages, made.error ?? this.about.sentence);
    }
  }

  async compose() {
    const text = find("words").value;
    const wish = this.wish("after", text, Number(find("bias").value), find("paper").value);
    find("write").disabled = true;
    say("Writing …");
    const made = await send("write", wish);
    find("write").disabled = false;
    say(made.error ?? (made.told && `Note: ${made.told}.`), Boolean(made.error));
    if (made.error) return;
    this.seed += 1; // the same words again are written anew
    this.shown = wish;
    find("result").hidden = false;
    pictures("page", made.pages, text);
  }

  // What is shown, as a file.
  async save() {
    find("download").disabled = true;
    say("Saving …");
    const error = await download("save", { ...this.shown, kind: find("kind").value });
    find("download").disabled = false;
    say(error, Boolean(error));
  }

  wish(hand, text, bias, paper) {
    return { hand, text, bias, paper, seed: this.seed };
  }
}

function say(text, bad = false) {
  find("trouble").textContent = text;
  find("trouble").classList.toggle("bad", bad);
}

// Images, and so nothing in them is run.
function pictures(id, svgs, text) {
  if (!svgs) {
    find(id).textContent = text;
    return;
  }
  const images = svgs.map((svg, n) => {
    const image = new Image();
    image.src = source(svg);
    image.alt = svgs.length > 1 ? `${text} (page ${n + 1})` : text;
    return image;
  });
  find(id).replaceChildren(...images);
}

function source(svg) {
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

function clock(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

const SILENT = "the server does not answer. Is “rhapsode ink” still running?";

function get(what) {
  return asked(() => fetch(what));
}

function send(what, value) {
  return asked(() => post(what, value));
}

function post(what, value) {
  const headers = { "Content-Type": "application/json" };
  return fetch(what, { method: "POST", headers, body: JSON.stringify(value) });
}

async function asked(fetched) {
  try {
    return await (await fetched()).json();
  } catch {
    return { error: SILENT };
  }
}

// Saves what is answered under the name that it comes with. What went wrong, or nothing.
async function download(what, value) {
  try {
    const answer = await post(what, value);
    if (!answer.ok) return (await answer.json()).error;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await answer.blob());
    [, link.download] = answer.headers.get("Content-Disposition").match(/filename="(.*)"/);
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    return "";
  } catch {
    return SILENT;
  }
}
