// A place in a sequence, and what is known there of the step to come: see `rhapsode.data.guide`. This says nothing.
export class Guide {
  covariates() {
    return [];
  }

  // Which values the step may have; null if it may have all.
  mask() {
    return null;
  }

  // Whether encoding would write this step.
  canonical() {
    return true;
  }

  // So many steps are still to come at the most; null if that is not known.
  most() {
    return null;
  }

  // Go on by this step.
  read() {}
}
