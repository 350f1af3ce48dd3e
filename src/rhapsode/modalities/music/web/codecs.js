// The codecs of music that have a page.

import { Chorale } from "./chorale.js";
import { Melody } from "./melody.js";
import { Performance } from "./performance.js";
import { PianoRoll } from "./pianoroll.js";

const CODECS = { chorale: Chorale, melody: Melody, performance: Performance, pianoroll: PianoRoll };

// The codec of a model. json: as the model file has it. usual: see `music.shipped`.
export const codecOf = (json, usual) => new CODECS[json.name](json, usual);
