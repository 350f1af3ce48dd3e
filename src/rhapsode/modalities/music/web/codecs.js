// The codecs of music.

import { Abc } from "./abc.js";
import { Chorale } from "./chorale.js";
import { Melody } from "./melody.js";
import { Performance } from "./performance.js";
import { PianoRoll } from "./pianoroll.js";
import { Remi } from "./remi.js";

const CODECS = {
  abc: Abc,
  chorale: Chorale,
  melody: Melody,
  performance: Performance,
  pianoroll: PianoRoll,
  remi: Remi,
};

// The codec of a model. json: as the model file has it. usual: see `music.shipped`.
export const codecOf = (json, usual) => new CODECS[json.name](json, usual);
