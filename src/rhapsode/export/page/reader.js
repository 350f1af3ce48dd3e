// A place in a sequence: what the network remembers there, and its prediction of the next step.
//
// It reads as `rhapsode.inference.reader` does: framing and reset policy say what is forgotten where.

export class Reader {
  // network: of one row. about: of the model, as `rhapsode.export.page` wrote it. units: finds where units begin, with
  // `read(step)`, `save()` and `load(saved)`; null where nothing but the beginning begins one.
  constructor(network, { start, past }, units = null) {
    Object.assign(this, { network, start, past, units });
    this.begin();
  }

  // The place before the first step. covariates: of the first step.
  begin(covariates) {
    this.units?.begin();
    this.network.state.reset();
    this.predicted = 0;
    this.window = [this.start];
    this.network.read(this.start, covariates);
  }

  // Reads a step. covariates: of the step after it.
  read(step, covariates) {
    const begins = Boolean(this.units?.read(step));
    const input = begins ? this.start : step;
    this.predicted += 1;
    if (this.past.window) {
      this.window = begins ? [input] : [...this.window, input].slice(-this.past.window);
      this.network.state.reset();
      for (const each of this.window) this.network.read(each, covariates);
      return;
    }
    if (begins || (this.past.period && this.predicted >= this.past.period)) {
      this.network.state.reset();
      this.predicted = 0;
    }
    this.network.read(input, covariates);
  }

  // Those of the next step's distribution. The next call overwrites them.
  get parameters() {
    return this.network.state.parameters;
  }

  // The place, which `load` goes back to. Places take some kilobytes each.
  save() {
    const { predicted, window } = this;
    return { memory: this.network.state.save(), units: this.units?.save(), predicted, window };
  }

  load({ memory, units, predicted, window }) {
    this.network.state.load(memory);
    this.units?.load(units);
    Object.assign(this, { predicted, window });
  }
}
