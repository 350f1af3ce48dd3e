// Words, where a model knows letters: how each of the likeliest tokens goes on to the end of its word.

import { ask } from "../../../studio/api.js";

const TOKENS = 6; // of the likeliest tokens, so many
const LONGEST = 24; // tokens of a word
const WORD = /^[\p{L}\p{M}\p{N}'’-]*/u;
const STEM = /[\p{L}\p{M}\p{N}'’-]*$/u;
const STOPS = [..." \n\t.,;:!?()[]\"|="];

// The likely words in the place where a token begins: [{ stem, text, share }], the likeliest first. stem: what stands of
// the word already. text: what would stand in the token's place. Each is drawn from one of the tokens, always the
// likeliest symbol next. None, where most tokens are whole words.
export async function words(model, before, choices, signal) {
  const some = choices.filter(({ token }) => /^\s?[\p{L}\p{N}]|^\s$/u.test(token)).slice(0, TOKENS);
  if (!some.length) return [];
  const prompt = some.map(({ token }) => before + token);
  const body = { model, prompt, temperature: 0, max_tokens: LONGEST, stop: STOPS, logprobs: 0, seed: 0 };
  const answer = await ask("/v1/completions", body, signal);
  const found = new Map();
  for (const { index, text, logprobs } of answer.choices) {
    const { token, share } = some[index];
    const [rest] = WORD.exec(text);
    if (!rest && !/[\p{L}\p{N}]$/u.test(token)) continue;
    let log = 0;
    for (let n = 0, length = 0; length < rest.length; length += logprobs.tokens[n++].length) log += logprobs.token_logprobs[n];
    const stem = /^\s/.test(token) ? "" : STEM.exec(before)[0];
    const one = { stem, text: token + rest, grown: rest !== "", share: share * Math.exp(log) };
    found.set(one.text, one);
  }
  const every = [...found.values()];
  const letters = 2 * every.filter(({ grown }) => grown).length > every.length; // else tokens are words mostly
  return letters ? every.sort((one, other) => other.share - one.share) : [];
}
